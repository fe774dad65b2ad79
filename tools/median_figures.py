"""Pictures of what bench/wgan_fail's programs on images leave. Paper 004: figure 10, batches that do better than real
ones; figure 12, centroids of k-medians; figure 16, images that are nearer than a copy of the same."""

import json

BATCHES = {"real": ("real images", 50.67), "mean": ("the mean image", 47.91), "k_medians": ("k-medians", 39.44)}
ALTERATIONS = {"crop": "cut by 10 %", "rotation": "turned by 10°", "flip": "flipped", "darkness": "half as bright"}


def pixels(images):
    """From [-1, 1] to [0, 1]; grey images as colour."""
    import numpy
    return numpy.repeat(numpy.clip((images + 1) / 2, 0, 1), 3 if images.shape[-1] == 1 else 1, axis=-1)


def grid(images):
    """As near to a square as it gets, with white lines between."""
    import numpy
    count, height, width, channels = images.shape
    columns = int(numpy.ceil(numpy.sqrt(count)))
    rows = -(-count // columns)
    picture = numpy.ones((rows * (height + 2) - 2, columns * (width + 2) - 2, channels))
    for place, image in enumerate(images):
        top, left = place // columns * (height + 2), place % columns * (width + 2)
        picture[top:top + height, left:left + width] = image
    return picture


def show(axes, picture):
    axes.imshow(picture, interpolation="nearest")
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)


class ClusteredRun:
    """A run of wgan_fail/false_minima or k_medians: its metrics, its data set, and how to read an array of it."""

    def __init__(self, run, columns, read_array):
        self.metrics = {name: values for name, (_, values) in columns.items()}
        self.dataset = json.loads((run / "config.json").read_text())["flags"]["dataset"]
        self.images = lambda name: pixels(read_array(run, name))


def draw_false_minima(plt, runs):
    """A row for each run: the three batches, each with its mean W1 to fresh batches of real images."""
    import numpy
    figure, rows = plt.subplots(len(runs), len(BATCHES), figsize=(7.6, 3.3 * len(runs) + 0.4), squeeze=False,
                                layout="constrained")
    for row, run in zip(rows, runs):
        for axes, (name, (label, published)) in zip(row, BATCHES.items()):
            images, costs = run.images(name), numpy.array(run.metrics[name])
            show(axes, grid(images))
            paper = f"\nthe paper's: {published}" if run.dataset == "celeba" else ""
            axes.set_title(f"{label}\nW1 {costs.mean():.2f}, deviation {costs.std():.2f}{paper}", fontsize=9)
    figure.supxlabel(f"batches of {len(images)}; exact W1, Euclidean, pixels in [-1, 1], to {len(costs)} fresh batches",
                     fontsize=8)
    return figure


def draw_k_medians(plt, runs):
    """A column for each run: the centroids of the best start."""
    figure, row = plt.subplots(1, len(runs), figsize=(4.8 * len(runs), 5.2), squeeze=False, layout="constrained")
    for axes, run in zip(row[0], runs):
        images, losses = run.images("centroids"), run.metrics["loss"]
        show(axes, grid(images))
        axes.set_title(f"geometric k-medians, k = {len(images)}: mean distance {min(losses):.2f},\n"
                       f"best of {len(losses)} starts, whose mean is {sum(losses) / len(losses):.2f}", fontsize=9)
    return figure


def worst_examples(columns, arrays, alteration, count):
    """Of the references whose images were kept, those to which another image is nearest by the copy's distance."""
    found = []
    for step, images in arrays.items():
        place = columns["nearest"][0].index(step)
        other, copy = columns["nearest"][1][place], columns[alteration][1][place]
        if other < copy:
            found.append((other / copy, step, copy, other, images))
    return sorted(found, key=lambda each: each[:2])[:count]


def draw_perceptual(plt, columns, arrays, examples=2):
    """Reference, changed copy and nearest other image, with their L2 distances to the reference; `examples` of every
    change, as far as there are, and how often it happens."""
    rows, left = [], dict(arrays)
    for alteration in sorted(ALTERATIONS, key=lambda each: sum(columns[each][1])):  # that with the fewest goes first
        if found := worst_examples(columns, left, alteration, examples):
            rows.append((alteration, found))
            left = {step: images for step, images in left.items() if step not in [each[1] for each in found]}
    if not rows:
        return None
    figure, panels = plt.subplots(len(rows), 3 * examples, figsize=(1.45 * 3 * examples, 1.95 * len(rows)),
                                  squeeze=False, layout="constrained")
    names = list(ALTERATIONS)
    for line, (alteration, found) in zip(panels, rows):
        for axes in line:
            axes.axis("off")
        for place, (_, _, copy, other, images) in enumerate(found):
            shown = pixels(images)
            texts = ("reference", f"{ALTERATIONS[alteration]}\nL2 {copy:.1f}", f"another\nL2 {other:.1f}")
            for axes, image, text in zip(line[3 * place:], (shown[0], shown[1 + names.index(alteration)], shown[-1]),
                                         texts):
                axes.axis("on")
                show(axes, image)
                axes.set_title(text, fontsize=9)
        nearer = [other < copy for other, copy in zip(columns["nearest"][1], columns[alteration][1])]
        line[0].set_ylabel(f"nearer for {100 * sum(nearer) / len(nearer):.0f} %\nof {len(nearer)}", fontsize=9)
    return figure


DRAWN = {"wgan_fail/false_minima": ("false-minima", ClusteredRun, draw_false_minima),
         "wgan_fail/k_medians": ("k-medians", ClusteredRun, draw_k_medians)}

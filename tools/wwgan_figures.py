"""Pictures of what bench/wwgan's programs leave. Papers 001 and 002: figure 1, neighbours of images; figures 4 and 5, a
critic on shifted images and on noisy ones, with a row for each run, so that critics can be compared."""

import json
from pathlib import Path

CIFAR_SHAPE = (32, 32, 3)
MOST_SOURCES = 12  # of a picture of neighbours


def experiment_of(run):
    """That of config.json and the values of its flags; neither for a folder that has none."""
    try:
        config = json.loads((run / "config.json").read_text())
        return config["experiment"], config["flags"]
    except (OSError, ValueError, KeyError, TypeError):
        return None, {}


def critic_name(folder):
    """What a run of wwgan/train trained, as the papers name it; the folder's name if that is gone."""
    _, flags = experiment_of(Path(folder))
    if flags.get("model") == "wwgan":
        return f"WWGAN, metric of the {flags['metric']}"
    return flags["model"].upper() if "model" in flags else Path(folder).name


class CriticRun:
    """A run of wwgan/shift or wwgan/noise: the last potentials that it left, and the metrics beside them."""

    def __init__(self, run, columns, read_array):
        _, flags = experiment_of(run)
        self.critic = critic_name(flags.get("critic", run))
        self.metrics = {name: values[-1] for name, (_, values) in columns.items()}
        self.potentials = read_array(run, "potentials")
        self.read = lambda name: read_array(run, name)


def strip(images, every):
    """Every few of the images, side by side, from [-1, 1] to [0, 1]."""
    import numpy
    return numpy.clip((numpy.concatenate(images[::every], axis=1) + 1) / 2, 0, 1)


def draw_shift(plt, runs):
    """The potential of the first image at every shift, above the images themselves."""
    images = runs[0].read("shifted")
    every = max(len(images) // 8, 1)
    figure, grid = plt.subplots(len(runs) + 1, 1, figsize=(8, 2.4 * len(runs) + 1.6), squeeze=False,
                                height_ratios=[2.4] * len(runs) + [1], layout="constrained")
    for axes, run in zip(grid[:, 0], runs):
        axes.plot(run.potentials[0], marker=".", color="tab:blue")
        axes.set_title(f"{run.critic}: total variation {run.metrics['variation']:.2f} times the range, "
                       f"{run.metrics['turns']:.1f} turns (means over {len(run.potentials)} images)", fontsize=10)
        axes.set_xlabel("shift of the image down, pixels")
        axes.set_ylabel("potential")
        axes.grid(alpha=0.3)
    below = grid[-1, 0]
    below.imshow(strip(images, every), interpolation="nearest")
    width = images.shape[2]
    below.set_xticks([width * (i + 0.5) for i in range(len(images[::every]))], range(0, len(images), every))
    below.set_yticks([])
    below.set_xlabel("the image, by its shift")
    return figure


def draw_noise(plt, runs):
    """The potentials of images and of the same with noise."""
    figure, grid = plt.subplots(len(runs), 1, figsize=(8, 2.6 * len(runs)), squeeze=False, layout="constrained")
    for axes, run in zip(grid[:, 0], runs):
        clean, noisy = run.potentials
        axes.plot(clean, "o", markersize=4, color="tab:blue", label="images")
        axes.plot(noisy, "x", markersize=5, color="tab:red", label="with salt and pepper noise")
        axes.set_title(f"{run.critic}: means {run.metrics['separation']:.2f} standard deviations apart", fontsize=10)
        axes.set_xlabel("image")
        axes.set_ylabel("potential")
        axes.grid(alpha=0.3)
    grid[0, 0].legend(fontsize=8)
    return figure


def draw_neighbours(plt, rows):
    """A row for each source, which comes first; then its neighbours under L2, and as many under W2."""
    import numpy
    rows = rows[:MOST_SOURCES]
    count, gap, between = (len(rows[0]) - 1) // 2, 2, 10
    height, width, _ = CIFAR_SHAPE
    starts, left = [], 0
    for column in range(2 * count + 1):
        left += between if column in (1, count + 1) else 0
        starts.append(left)
        left += width + gap
    picture = numpy.ones((len(rows) * (height + gap) - gap, left - gap, 3))
    for row, images in enumerate(rows):
        for start, image in zip(starts, images):
            top = row * (height + gap)
            picture[top:top + height, start:start + width] = image.reshape(CIFAR_SHAPE)
    figure, axes = plt.subplots(figsize=(picture.shape[1] / 64, picture.shape[0] / 64 + 0.35), layout="constrained")
    axes.imshow(picture.clip(0, 1), interpolation="nearest")
    for text, first, last in (("source", 0, 0), (f"{count} nearest under L2", 1, count),
                              (f"{count} nearest under W2", count + 1, 2 * count)):
        axes.text((starts[first] + starts[last] + width) / 2, -6, text, ha="center", va="bottom", fontsize=9)
    axes.axis("off")
    return figure


def draw_ranks(plt, columns):
    """The rank of a source's own copy, moved by so many pixels, among the pool's images: median and quartiles."""
    import numpy
    figure, axes = plt.subplots(figsize=(6, 4), layout="constrained")
    for name, label in (("l2", "L2"), ("w2", "W2")):
        shifts = sorted(int(column.rsplit("_", 1)[1]) for column in columns if column.startswith(f"{name}_rank_"))
        ranks = [columns[f"{name}_rank_{shift}"][1] for shift in shifts]
        low, middle, high = numpy.percentile(ranks, (25, 50, 75), axis=1)
        (line,) = axes.plot(shifts, middle, marker="o", label=f"{label}, median of {len(ranks[0])} sources")
        axes.fill_between(shifts, low, high, color=line.get_color(), alpha=0.2, linewidth=0)
    axes.set(xlabel="pixels by which the source's copy is moved down", ylabel="rank of the copy in the pool",
             yscale="log")
    axes.grid(alpha=0.3)
    axes.legend()
    return figure


DRAWN = {"wwgan/shift": ("shift", CriticRun, draw_shift), "wwgan/noise": ("noise", CriticRun, draw_noise)}

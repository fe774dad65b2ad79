"""Pictures of what bench/wwgan's programs leave: a critic on shifted images and on noisy ones. Papers 001 and 002,
figures 4 and 5. A row for each run, so that critics can be compared."""

import json
from pathlib import Path


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
        axes.set_title(f"{run.critic}: total variation {run.metrics['variation']:.2f} of the range, "
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


DRAWN = {"wwgan/shift": ("shift", draw_shift), "wwgan/noise": ("noise", draw_noise)}

"""Pictures of what bench/wgan_fail/batch_estimator and soft_transform leave. Paper 004: figure 6, a WGAN's loss and the
exact W1 of the batches that it saw; figures 7, 12 and 14, what its generator makes."""

import json

SHOWN_ROWS = 4  # of a grid of samples


class BatchRun:
    """A run: its curves, and its last grid of samples."""

    def __init__(self, run, columns, read_array):
        flags = json.loads((run / "config.json").read_text())["flags"]
        self.columns = columns
        self.batch = flags["batch"]
        self.is_penalised, self.is_soft = flags.get("model") == "wgan-gp", "epsilon" in flags
        if self.is_penalised:
            self.name = "WGAN-GP"
        elif self.is_soft:
            self.name = f"(c, ε)-transform WGAN, ε = {flags['epsilon']:g}"
        else:
            self.name = "c-transform WGAN" + (" over generated" if flags.get("search-space") == "generated" else "")
        self.grid = max((run / "samples").glob("[0-9]*.png"), default=None)


def normalised(columns):
    """The loss over the critic's steepest slope, where that was measured."""
    losses = dict(zip(*columns["objective"]))
    steps, slopes = columns["slope"]
    return steps, [losses[step] / slope for step, slope in zip(steps, slopes)]


def draw_curves(axes, run):
    if run.is_soft:  # on which the loss lies
        axes.plot(*run.columns["pairs"], linewidth=4, color="lightgrey", label="mean distance of all pairs")
    curves = [(run.columns["objective"], "tab:blue", "loss of the generator, $L_G$"),
              (run.columns["exact"], "tab:red", "exact W1 of the two batches")]
    if run.is_penalised and "slope" in run.columns:
        curves.insert(1, (normalised(run.columns), "tab:green", "$L_G$ over the critic's steepest slope"))
    for curve, colour, label in curves:
        axes.plot(*curve, linewidth=0.9, color=colour, label=label)
    axes.set(title=f"{run.name}, batches of {run.batch}", xlabel="steps of the generator",
             ylabel="Euclidean distance, pixels in [-1, 1]")
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)


def draw_samples(plt, axes, run):
    """The upper rows of the grid."""
    axes.axis("off")
    if run.grid is None:
        return
    picture = plt.imread(run.grid)
    side = (picture.shape[0] - 2) // 8  # of 8 x 8 images, with a line around each
    axes.imshow(picture[:SHOWN_ROWS * side + 2], interpolation="nearest")
    axes.set_title(f"{run.name}, after {int(run.grid.stem):,} steps", fontsize=10)


def draw_estimates(plt, runs):
    """Figure 6, a panel for each run."""
    figure, row = plt.subplots(1, len(runs), figsize=(6 * len(runs), 4), squeeze=False, layout="constrained")
    for axes, run in zip(row[0], runs):
        draw_curves(axes, run)
    return figure


def draw_grids(plt, runs):
    """Figure 7, a panel for each run."""
    figure, row = plt.subplots(1, len(runs), figsize=(5 * len(runs), 2.9), squeeze=False, layout="constrained")
    for axes, run in zip(row[0], runs):
        draw_samples(plt, axes, run)
    return figure


def draw_soft_transform(plt, runs):
    """Figure 14, a row for each run: its samples, and the curves of figure 6."""
    figure, rows = plt.subplots(len(runs), 2, figsize=(11, 3.2 * len(runs)), squeeze=False,
                                layout="constrained")
    for (samples, curves), run in zip(rows, runs):
        draw_samples(plt, samples, run)
        draw_curves(curves, run)
    return figure


DRAWN = {"wgan_fail/batch_estimator": ("batch-estimator", BatchRun, draw_estimates),
         "wgan_fail/soft_transform": ("soft-transform", BatchRun, draw_soft_transform)}
BESIDE = {"wgan_fail/batch_estimator": ("batch-samples", BatchRun, draw_grids)}

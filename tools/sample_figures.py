"""Pictures of what bench/wgan_fail's programs leave that draw samples of a normal distribution. Paper 004: figures 8, 9
and 13, how far two samples are apart by their size; figure 11, a batch and its mean by dimension."""

import json


class SampleRun:
    """A run of wgan_fail/sample_complexity or wgan_fail/sinkhorn_complexity: sizes, means and deviations of what it
    measured, and the line through the means, [log10 size, log10 mean, lower, upper], where there is one."""

    def __init__(self, run, columns, read_array):
        import numpy
        flags = json.loads((run / "config.json").read_text())["flags"]
        self.label = f"{flags['dimension']} dimensions"
        if "epsilon" in flags:
            self.label += f", epsilon = {flags['epsilon']:g}"
        measured = sorted((int(name.rsplit("_", 1)[1]), values) for name, (_, values) in columns.items())
        self.sizes = numpy.array([size for size, _ in measured])
        self.means = numpy.array([numpy.mean(values) for _, values in measured])
        self.deviations = numpy.array([numpy.std(values) for _, values in measured])
        self.line = read_array(run, "line") if any((run / "samples").glob("line-*.npy")) else None


class DimensionRun:
    """A run of wgan_fail/dimension: its metrics, by dimension."""

    def __init__(self, run, columns, read_array):
        flags = json.loads((run / "config.json").read_text())["flags"]
        self.points, self.pairs = flags["batch"], flags["pairs"]
        self.dimensions = columns["to_batch"][0]
        self.metrics = {name: values for name, (_, values) in columns.items()}


def draw_by_size(axes, runs, distance, logarithmic):
    """Means with their deviations over the size."""
    for run in runs:
        (line,) = axes.plot(run.sizes, run.means, marker="o", markersize=3.5, label=run.label)
        axes.fill_between(run.sizes, run.means - run.deviations, run.means + run.deviations, color=line.get_color(),
                          alpha=0.25, linewidth=0)
    axes.set(xlabel="points of a sample", ylabel=distance)
    if logarithmic:
        axes.set(xscale="log", yscale="log")
        if max(run.means.max() for run in runs) < 10 * min(run.means.min() for run in runs):
            axes.yaxis.set_minor_formatter("{x:g}")  # no power of ten may be in sight
    else:
        axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3, which="both")


def draw_sample_complexity(plt, runs):
    """Figure 8, linear and in logarithms, and figure 9: the line through it, far beyond any sample."""
    lines = [run for run in runs if run.line is not None]
    figure, panels = plt.subplots(1, 2 + bool(lines), figsize=(8 + 4 * bool(lines), 3.6), layout="constrained")
    for axes, logarithmic in zip(panels, (False, True)):
        draw_by_size(axes, runs, "W1 of two samples, mean and deviation", logarithmic)
    for run in lines:
        places, means, lower, upper = 10.0 ** run.line.T.astype(float)
        (line,) = panels[2].plot(places, means, linewidth=1, label="least squares, 95 % band")
        panels[2].fill_between(places, lower, upper, color=line.get_color(), alpha=0.25, linewidth=0)
        panels[2].plot(run.sizes, run.means, ".", color="black", markersize=4)
    if lines:
        for target in (0.1, 0.01):
            panels[2].axhline(target, color="grey", linewidth=0.8, linestyle="--")
        panels[2].set(xscale="log", yscale="log", xlabel="points of a sample", ylabel="W1 of two samples")
        panels[2].grid(alpha=0.3)
        panels[2].legend(fontsize=8)
    panels[0].legend(fontsize=8)
    return figure


def draw_sinkhorn_complexity(plt, runs):
    """Figure 13: as figure 8."""
    figure, panels = plt.subplots(1, 2, figsize=(8, 3.6), layout="constrained")
    for axes, logarithmic in zip(panels, (False, True)):
        draw_by_size(axes, runs, "Sinkhorn divergence, mean and deviation", logarithmic)
    panels[0].axvline(500, color="grey", linewidth=0.8, linestyle="--", label="500 points")
    panels[0].set_xlim(0, min(1000, 1.05 * max(run.sizes[-1] for run in runs)))
    panels[0].legend(fontsize=8)
    return figure


def draw_dimension(plt, runs):
    """Figure 11, a panel for each run."""
    figure, grid = plt.subplots(1, len(runs), figsize=(6 * len(runs), 4), squeeze=False, layout="constrained")
    for axes, run in zip(grid[0], runs):
        for name, label in (("to_batch", "to another batch"), ("to_mean", "to copies of the mean"),
                            ("to_own_mean", "to copies of the batch's own mean")):
            values = run.metrics[name]
            (line,) = axes.plot(run.dimensions, values, linewidth=1, marker=".", label=label,
                                linestyle=":" if name == "to_own_mean" else "-")
            if f"{name}_deviation" in run.metrics:
                axes.fill_between(run.dimensions,
                                  *([value + sign * deviation for value, deviation in
                                     zip(values, run.metrics[f"{name}_deviation"])] for sign in (-1, 1)),
                                  color=line.get_color(), alpha=0.2, linewidth=0)
        axes.axvline(15, color="grey", linewidth=0.8, linestyle="--", label="15, above which the paper has it lower")
        axes.set(xlabel="dimensions", ylabel="W1, mean and deviation",
                 title=f"batches of {run.points} normal points, {run.pairs} pairs")
        axes.grid(alpha=0.3)
    grid[0, 0].legend(fontsize=8)
    return figure


DRAWN = {"wgan_fail/sample_complexity": ("sample-complexity", SampleRun, draw_sample_complexity),
         "wgan_fail/sinkhorn_complexity": ("sinkhorn-complexity", SampleRun, draw_sinkhorn_complexity),
         "wgan_fail/dimension": ("dimension", DimensionRun, draw_dimension)}

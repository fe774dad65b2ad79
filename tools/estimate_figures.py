"""Pictures of what bench/wgan_fail's programs leave that estimate W1 by critics of two fixed sets of images. Paper 004:
figures 2 and 3, algorithms 5 and 6."""

import csv
import json

ARCHITECTURES = ["dcgan", "mlp", "resnet"]


class EstimateRun:
    """A run of wgan_fail/oracle, wgan_fail/pinetz or wgan_fail/mallasto: its flags, and its metrics by name, each a pair
    of updates and values."""

    def __init__(self, run, columns, read_array):
        self.flags = json.loads((run / "config.json").read_text())["flags"]
        self.columns = columns
        if "exact" not in columns:
            raise ValueError("it has no exact distance yet; wait for --measure-every updates")

    def last(self, name):
        return self.columns[name][1][-1]

    @property
    def label(self):
        of = self.flags
        if "model" in of:
            return of["model"]
        extra = "" if of["architecture"] == "dcgan" else f", {of['architecture']}"
        return f"lambda = {of['penalty']:g}, {of['side']} x {of['side']}{extra}"


def draw_estimates(plt, runs):
    """Figure 3: the normalised estimate beside the exact distance, and what it was divided by."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.5, 3.8), layout="constrained")
    drawn = set()
    for run in runs:
        (line,) = left.plot(*run.columns["normalised"], marker=".", linewidth=1, label=run.label)
        right.plot(*run.columns["lipschitz"], marker=".", linewidth=1, color=line.get_color(), label=run.label)
        exact = run.last("exact")
        if exact not in drawn:
            drawn.add(exact)
            left.axhline(exact, color="black", linewidth=1, linestyle="--")
            left.annotate(f"W1 = {exact:.2f}, exact, {run.flags['side']} x {run.flags['side']}", (0.98, exact),
                          xycoords=("axes fraction", "data"), ha="right", va="bottom", fontsize=8)
    left.set(xlabel="updates of the critic", ylabel="W1, estimate over steepest slope", yscale="log")
    right.set(xlabel="updates of the critic", ylabel="steepest slope of the critic")
    slopes = [slope for run in runs for slope in run.columns["lipschitz"][1]]
    if max(slopes) > 10 * min(slopes):
        right.set_yscale("log")
    else:
        right.set_ylim(bottom=0)
    # Nothing is said of an estimate below zero, which an axis of logarithms does not have.
    highest = max(run.last("exact") for run in runs)
    left.set_ylim(bottom=max(left.get_ylim()[0], highest / 3000), top=2 * highest)
    for axes in (left, right):
        axes.grid(alpha=0.3, which="both")
    right.legend(fontsize=8)
    return figure


def draw_configurations(plt, runs):
    """Figure 2: every run is a line through what it was drawn with, and ends at its estimate."""
    import numpy
    axes_of = [("lambda", lambda run: numpy.log10(run.flags["penalty"])),
               ("batch", lambda run: numpy.log2(run.flags["batch"])),
               ("rate", lambda run: numpy.log10(run.flags["rate"])),
               ("architecture", lambda run: ARCHITECTURES.index(run.flags["architecture"])),
               ("estimate over\nsteepest slope", lambda run: run.last("normalised"))]
    ticks = [{0: "1", 1: "10", 2: "100", 3: "1000"}, {5: "32", 6: "64", 7: "128", 8: "256"},
             {-5: "1e-5", -4: "1e-4", -3: "1e-3"}, dict(enumerate(ARCHITECTURES)), {}]
    exact = runs[0].last("exact")
    estimates = [run.last("normalised") for run in runs]
    low = min(0, *estimates)
    ticks[-1] = {value: f"{value:g}" for value in (0, 5, 10, 20, 40) if value < 0.9 * exact} | {exact: f"W1 = {exact:.1f}"}
    spans = [(0, 3), (5, 8), (-5, -3), (0, len(ARCHITECTURES) - 1), (low, exact)]
    figure, axes = plt.subplots(figsize=(9, 4), layout="constrained")
    shades = plt.get_cmap("viridis")
    for run in runs:
        heights = [(value(run) - least) / (most - least) for (_, value), (least, most) in zip(axes_of, spans)]
        share = (run.last("normalised") - min(estimates)) / max(max(estimates) - min(estimates), 1e-12)
        axes.plot(range(len(heights)), heights, color=shades(0.9 * share), linewidth=1.2, alpha=0.8)
    for place, (marks, (least, most)) in enumerate(zip(ticks, spans)):
        axes.axvline(place, color="black", linewidth=0.8)
        for value, text in marks.items():
            axes.annotate(text, (place, (value - least) / (most - least)), xytext=(4, 0), textcoords="offset points",
                          va="center", fontsize=8, bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.8})
    axes.set_xticks(range(len(axes_of)), [name for name, _ in axes_of])
    axes.set(xlim=(-0.1, len(axes_of) - 0.6), ylim=(-0.05, 1.08), yticks=[],
             title=f"{len(runs)} random configurations, colour: the estimate")
    for side in ("top", "left", "right", "bottom"):
        axes.spines[side].set_visible(False)
    return figure


def draw_oracle(plt, runs):
    drawn = [run for run in runs if run.flags.get("draw")]
    return draw_configurations(plt, drawn) if drawn and len(drawn) == len(runs) else draw_estimates(plt, runs)


def draw_batches(plt, runs):
    """Algorithm 6: what each kind of critic says of batches, over what their W1 is, and how that hangs together."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.5, 3.8), layout="constrained")
    for run in runs:
        steps, estimates = run.columns["estimate"]
        shares = [estimate / exact for estimate, exact in zip(estimates, run.columns["exact"][1])]
        (line,) = left.plot(steps, shares, marker=".", linewidth=1, label=run.label)
        right.plot(*run.columns["correlation"], marker=".", linewidth=1, color=line.get_color(), label=run.label)
    left.axhline(1, color="black", linewidth=1, linestyle="--")
    left.set(xlabel="updates of the critic", ylabel="V over exact W1, means over batches")
    right.set(xlabel="updates of the critic", ylabel="correlation of V and exact W1", ylim=(-1.05, 1.05))
    for axes in (left, right):
        axes.grid(alpha=0.3)
    left.legend(fontsize=8)
    return figure


DRAWN = {"wgan_fail/oracle": ("oracle", EstimateRun, draw_oracle),
         "wgan_fail/pinetz": ("pinetz", EstimateRun, draw_estimates),
         "wgan_fail/mallasto": ("mallasto", EstimateRun, draw_batches)}

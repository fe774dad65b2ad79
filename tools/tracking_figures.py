"""Pictures of what two of bench/wgan_fail's programs leave. Paper 004: figures 4 and 5, the loss of WGAN-GP beside the
exact W1 while it learns a mixture; figure 15, what generators make that descend the Sinkhorn divergence."""

import json

TRACKED = {"loss": ("loss", "tab:blue", ":"), "normalised": ("loss / Lipschitz estimate", "tab:blue", "-"),
           "exact": ("exact W1", "tab:red", "-"), "sampling": ("exact W1 of two real samples", "tab:grey", "-")}
DESCENDED = {"divergence": ("divergence", "tab:blue"), "exact": ("exact W1", "tab:red")}
MOST_PLACES = 300  # of a curve


def read_flags(run):
    return json.loads((run / "config.json").read_text())["flags"]


class TrackingRun:
    """A run of wgan_fail/tracking: its metrics, and real and generated points."""

    def __init__(self, run, columns, read_array):
        self.label = f"lambda = {read_flags(run)['penalty']:g}"
        self.columns = columns
        self.data, self.generated = (read_array(run, name).reshape(-1, 2) for name in ("data", "generated"))


class GeneratorRun:
    """A run of wgan_fail/sinkhorn_generator: its metrics, and its last grid of images, or its points."""

    def __init__(self, run, columns, read_array):
        flags = read_flags(run)
        self.label = f"epsilon = {flags['epsilon']:g}" if flags["epsilon"] else "exact W1"
        self.columns = columns
        self.steps = columns["exact"][0][-1]
        self.grid = max((run / "samples").glob("*.png"), default=None)
        if self.grid is None:
            self.data, self.generated = (read_array(run, name).reshape(-1, 2) for name in ("data", "generated"))


def thinned(steps, values):
    """Means of neighbours, so that at most MOST_PLACES are left."""
    group = -(-len(steps) // MOST_PLACES)
    starts = range(0, len(steps) - group + 1, group)
    return [steps[i + group - 1] for i in starts], [sum(values[i:i + group]) / group for i in starts]


def draw_points(axes, data, generated):
    axes.scatter(*data.T, s=9, color="tab:blue", linewidths=0, label="real")
    axes.scatter(*generated.T, s=9, color="tab:red", alpha=0.6, linewidths=0, label="generated")
    reach = 1.4 * abs(data).max()
    axes.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal", xlabel="first coordinate",
             ylabel="second coordinate")
    axes.legend(fontsize=8, loc="center")


def draw_tracking(plt, runs):
    """A row for each run: figure 4, the points at its end, and figure 5, by the iteration. Where a loss is below 0 its
    logarithm is not there."""
    figure, rows = plt.subplots(len(runs), 2, figsize=(10, 3.8 * len(runs)), width_ratios=[1, 1.7], squeeze=False,
                                layout="constrained")
    for (points, curves), run in zip(rows, runs):
        draw_points(points, run.data, run.generated)
        points.set_title(f"WGAN-GP, {run.label}, {len(run.data)} points of either side", fontsize=9)
        for name, (label, colour, style) in TRACKED.items():
            steps, values = run.columns.get(name, ([], []))
            shown = [value if value > 0 else float("nan") for value in values]
            curves.plot(steps, shown, linewidth=1, color=colour, linestyle=style, label=label)
        curves.set(yscale="log", xlabel="iteration", ylabel="Euclidean distance")
        curves.grid(alpha=0.3, which="both")
    rows[0][1].legend(fontsize=8)
    return figure


def draw_generators(plt, runs):
    """A column for each run: what it makes at its end, and what it descends by the iteration."""
    figure, (pictures, panels) = plt.subplots(2, len(runs), figsize=(4.2 * len(runs), 6.6), height_ratios=[2, 1],
                                              squeeze=False, layout="constrained")
    for picture, curves, run in zip(pictures, panels, runs):
        if run.grid is None:
            draw_points(picture, run.data, run.generated)
        else:
            picture.imshow(plt.imread(run.grid), interpolation="nearest")
            picture.axis("off")
        picture.set_title(f"{run.label}, iteration {run.steps}")
        for name, (label, colour) in DESCENDED.items():
            curves.plot(*thinned(*run.columns[name]), linewidth=1, color=colour, label=label)
        curves.plot(*run.columns.get("between_real", ([], [])), ".", color="black", markersize=3,
                    label="exact W1, of real batches")
        curves.set(xlabel="iteration", ylabel="Euclidean distance")
        curves.set_ylim(bottom=0)
        curves.grid(alpha=0.3)
    panels[0].legend(fontsize=8)
    return figure


DRAWN = {"wgan_fail/tracking": ("tracking", TrackingRun, draw_tracking),
         "wgan_fail/sinkhorn_generator": ("sinkhorn-generator", GeneratorRun, draw_generators)}

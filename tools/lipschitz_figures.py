"""The picture of what bench/wgan_fail/lipschitz leaves. Paper 004: figures 17 and 18, what a WGAN and a GAN make with
an ordinary critic and with a Lipschitz one."""

from tracking_figures import draw_points, read_flags

NAMES = {"wgan-gp": "WGAN-GP", "lipschitz-wgan": "Lipschitz WGAN", "gan": "GAN", "lipschitz-gan": "Lipschitz GAN"}
GRID_REACH = 1.5  # of the critic's grid, in radii of the ring
LEVELS = 15


class LipschitzRun:
    """A run of wgan_fail/lipschitz: its metrics, real and generated points, and its critic's values on a grid."""

    def __init__(self, run, columns, read_array):
        flags = read_flags(run)
        self.label = NAMES[flags["model"]]
        if flags["model"] == "wgan-gp":
            self.label += f", lambda = {flags['penalty']:g}"
        elif flags["lipschitz"] != 1:
            self.label += f", constant {flags['lipschitz']:g}"
        self.columns = columns
        self.reach = GRID_REACH * flags["radius"]
        self.data, self.generated = (read_array(run, name).reshape(-1, 2) for name in ("data", "generated"))
        self.critic = read_array(run, "critic")

    def found(self):
        """What the last measurement says; empty before the first."""
        if "exact" not in self.columns:
            return ""
        last = {name: self.columns[name][1][-1] for name in ("exact", "modes", "near")}
        return f"exact W1 {last['exact']:.3f}, {last['modes']:g} modes, {last['near']:.0%} near one"


def draw_lipschitz(plt, runs):
    """A panel for each run, two to a row: points on the level lines of the critic."""
    import numpy
    rows, columns = -(-len(runs) // 2), min(len(runs), 2)
    figure, grid = plt.subplots(rows, columns, figsize=(4.6 * columns, 4.9 * rows), squeeze=False,
                                layout="constrained")
    for axes in grid.flat[len(runs):]:
        axes.axis("off")
    for axes, run in zip(grid.flat, runs):
        places = numpy.linspace(-run.reach, run.reach, len(run.critic))
        axes.contour(places, places, run.critic, levels=LEVELS, cmap="Greys", linewidths=0.7, zorder=0)
        draw_points(axes, run.data, run.generated)
        axes.set_title(f"{run.label}\n{run.found()}", fontsize=9)
    return figure


DRAWN = {"wgan_fail/lipschitz": ("lipschitz", LipschitzRun, draw_lipschitz)}

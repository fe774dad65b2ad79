"""Pictures of what bench/qp_wgan/atoms leaves. Paper 000, figure 1."""


def powers(columns):
    """Every p of a run, as its metrics have it: the text after cost_."""
    return [name.removeprefix("cost_") for name in columns if name.startswith("cost_")]


def draw_atoms(axes, targets, paths, plan):
    """Atoms at their ends, with their ways there, [step, atom, 2], and whom they share mass with, [atom, target]."""
    for atom, target in zip(*plan.nonzero()):
        axes.plot(*zip(paths[-1][atom], targets[target]), color="magenta", linewidth=0.8, alpha=0.7, zorder=1)
    for atom in range(paths.shape[1]):
        axes.plot(*paths[:, atom].T, "--", color="tab:red", linewidth=0.9, zorder=2)
    axes.scatter(*targets.T, s=36, color="tab:blue", zorder=3, label="targets")
    axes.scatter(*paths[-1].T, s=18, color="tab:red", zorder=4, label="atoms")
    axes.plot(0, 0, "k+", markersize=10, zorder=5)
    axes.set(xlim=(-0.56, 0.56), ylim=(-0.56, 0.56), aspect="equal", xlabel="first coordinate")
    axes.tick_params(labelsize=7)


def draw(plt, columns, atoms, targets, plans):
    """`atoms`: step -> [p, atom, 2]; `targets` [target, 2]; `plans` [p, atom, target]."""
    import numpy
    names = powers(columns)
    paths = numpy.stack([numpy.zeros_like(next(iter(atoms.values()))), *(atoms[step] for step in sorted(atoms))])
    figure, grid = plt.subplots(1, len(names) + 1, figsize=(3.1 * len(names) + 4.4, 3.5), layout="constrained",
                                width_ratios=[1] * len(names) + [1.3])
    for k, (axes, name) in enumerate(zip(grid, names)):
        draw_atoms(axes, targets, paths[:, k], plans[k])
        axes.set_title(f"p = {name}, {len(plans[k])} atoms, {len(targets)} targets", fontsize=9)
    grid[0].set_ylabel("second coordinate")
    grid[0].legend(fontsize=7, loc="upper left")
    for name in names:
        (line,) = grid[-1].plot(*columns[f"gradient_{name}"], linewidth=0.9, label=f"p = {name}")
        grid[-1].plot(*columns[f"cost_{name}"], "--", color=line.get_color(), linewidth=1.2)
    grid[-1].set(xscale="log", yscale="log", xlabel="iteration",
                 ylabel="cost |x - y|^p / p (dashed),\nnorm of its gradient (solid)")
    grid[-1].grid(alpha=0.3)
    grid[-1].legend(fontsize=8)
    return figure

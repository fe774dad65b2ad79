"""Pictures of what bench/qp_wgan's exact costs say: figure 1 of paper 000, atoms that descend them, and figure 2, where
they stand beside what the mixture's models have."""

# Columns of the mixture, their colours as in the paper, and what they are.
CURVES = {"objective": ("tab:blue", "objective"),
          "scaled_distance": ("tab:blue", "objective / slope"),
          "exact": ("tab:red", "exact"),
          "sampling": ("tab:gray", "exact, two generated sets")}


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


def draw_descent(plt, columns, atoms, targets, plans):
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


def draw_agreement(plt, runs):
    """`runs`: (title, column -> (epochs, values)), a panel each."""
    figure, grid = plt.subplots(1, len(runs), figsize=(3.2 * len(runs), 3.2), squeeze=False, layout="constrained")
    for axes, (title, columns) in zip(grid[0], runs):
        for name, (colour, label) in CURVES.items():
            if name in columns:
                axes.plot(*columns[name], color=colour, linewidth=0.9, label=label,
                          zorder=1.5 if name == "sampling" else 2)
        axes.axhline(0, color="black", linewidth=0.5)
        axes.set_title(title, fontsize=10)
        axes.set_xlabel("epoch")
        axes.tick_params(labelsize=7)
        axes.legend(fontsize=7, loc="upper right")
    grid[0, 0].set_ylabel("cost of transport, |x - y|^p / p")
    return figure

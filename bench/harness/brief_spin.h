#pragma once

namespace wasserkern::bench {

/// Starts this program anew with GOMP_SPINCOUNT=2000, unless the environment has an opinion on how OpenMP's threads
/// wait; returns then, and if that is not possible. The first thing in main.
///
/// Threads wait for each other hundreds of times per training step. libgomp lets them spin for milliseconds before they
/// sleep: on a machine with other work the one that spins keeps the one that it waits for from running. 2,000 turns
/// are a few microseconds. libgomp reads its environment when it is loaded, before anything of ours could run.
void spin_briefly(char** argv);

}  // namespace wasserkern::bench

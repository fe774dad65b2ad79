#pragma once

#include <functional>
#include <string>

namespace wasserkern::bench {

/// What main() is: starts anew to spin_briefly(), then returns the exit status of `body(called)`, with the program's
/// name as it was called. What the body throws becomes one line on stderr and status 1, or 2 for a UsageError; `remedy`
/// is what to do when memory runs out. HelpWanted is printed.
int run_program(int argc, char** argv, const std::string& remedy, const std::function<int(const std::string&)>& body);

}  // namespace wasserkern::bench

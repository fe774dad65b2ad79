// Catch2 2 from Debian is headers only: its main function is compiled here, once.
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>

#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

// Read by AddressSanitizer where the tests are built with it: a request for more memory than there is fails
// as it does without, instead of ending the program.
extern "C" const char* __asan_default_options() { return "allocator_may_return_null=1"; }

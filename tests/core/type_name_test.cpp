#include "core/type_name.h"

#include <doctest/doctest.h>

namespace ebm {
namespace inner {
struct Plain {};
}  // namespace inner
namespace {
struct Hidden {};
template <class... T>
struct Of {};
template <int>
struct Number {};
}  // namespace

TEST_CASE("a type's name is its own, without the namespaces around it") {
  CHECK(type_name(typeid(inner::Plain)) == "Plain");
  CHECK(type_name(typeid(Hidden)) == "Hidden");
  CHECK(type_name(typeid(Of<Hidden, inner::Plain>)) == "Of<Hidden,Plain>");
  CHECK(type_name(typeid(Of<Of<Hidden>, Number<2>>)) == "Of<Of<Hidden>,Number<2>>");
}

}  // namespace ebm

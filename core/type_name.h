// The name of a type as its source has it, without namespaces and spaces: "UnaryValue<Tanh>".
#pragma once

#include <string>
#include <typeinfo>

namespace ebm {

std::string type_name(const std::type_info& type);

}  // namespace ebm

#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "libs/base/result.hpp"

namespace swarm::gateway {

/// What became of a price list.
struct ImportedPrices {
  std::string yaml;          // the section `models` of a configuration
  std::size_t models = 0;
  std::size_t left_out = 0;  // not priced by the token, or with figures that make no sense
};

/// Turns LiteLLM's model_prices_and_context_window.json into models of a configuration, with prices for input, output,
/// cached, cache-write (5 minutes and an hour), reasoning, audio, image, batch and long-context tokens, and a version that
/// names the list by its content. `only`: names, or beginnings of names that end with a '*'; empty: all. `upstream` stands in
/// each model. A model that the list gives away is left as a comment: whether it is free is not for a list to decide.
/// InvalidArgument when the text is no such list.
Result<ImportedPrices> import_litellm(std::string_view json, const std::vector<std::string>& only, std::string_view upstream);

}  // namespace swarm::gateway

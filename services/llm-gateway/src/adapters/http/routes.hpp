#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "application/relay.hpp"

namespace swarm::gateway {

/// What a path stands for.
struct Route {
  Surface surface = Surface::Other;
  Dialect dialect = Dialect::OpenAi;
  bool known = false;
};

/// Of the path without its query.
Route route_of(std::string_view path);
/// The model that a path "/v1/models/…" names, decoded; nothing when it names none.
std::optional<std::string> model_of(std::string_view path);
/// The credential of either family of clients; empty when there is none.
std::string_view credential_of(const http::Head& head);

}  // namespace swarm::gateway

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

/// Path and query of a request's target, also of one that names the server before them (RFC 9112, 3.2.2).
std::string_view origin_form(std::string_view target);
std::string_view path_of(std::string_view target);
/// The methods of a known path, as the Allow header lists them; those that a configured route passes on.
std::string_view methods_of(Surface surface);
bool takes(std::string_view methods, std::string_view method);
/// What somebody with a wrong base URL wanted; empty when that can't be told.
std::string_view probably_meant(std::string_view path);

/// Of the path without its query.
Route route_of(std::string_view path);
/// The model that a path "/v1/models/…" names, decoded; nothing when it names none.
std::optional<std::string> model_of(std::string_view path);
/// The credential of either family of clients; empty when there is none.
std::string_view credential_of(const http::Head& head);

}  // namespace swarm::gateway

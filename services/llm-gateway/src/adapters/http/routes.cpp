#include "adapters/http/routes.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace swarm::gateway {
namespace {

constexpr std::array<std::pair<std::string_view, Route>, 7> kRoutes = {{
    {"/v1/chat/completions", {Surface::Chat, Dialect::OpenAi, true}},
    {"/v1/messages", {Surface::Messages, Dialect::Anthropic, true}},
    {"/v1/responses", {Surface::Responses, Dialect::OpenAi, true}},
    {"/v1/embeddings", {Surface::Embeddings, Dialect::OpenAi, true}},
    {"/v1/completions", {Surface::Completions, Dialect::OpenAi, true}},
    {"/v1/messages/count_tokens", {Surface::CountTokens, Dialect::Anthropic, true}},
    {"/v1/models", {Surface::Models, Dialect::OpenAi, true}},
}};

}  // namespace

std::string_view origin_form(std::string_view target) {
  for (const std::string_view scheme : {std::string_view("http://"), std::string_view("https://")}) {
    if (!http::equals_ignoring_case(target.substr(0, scheme.size()), scheme)) continue;
    const std::size_t slash = target.find('/', scheme.size());
    return slash == std::string_view::npos ? "/" : target.substr(slash);
  }
  return target;
}

std::string_view path_of(std::string_view target) { return target.substr(0, target.find('?')); }

std::string_view methods_of(Surface surface) {
  if (surface == Surface::Models) return "GET, HEAD";
  return surface == Surface::Other ? "GET, POST, PUT, PATCH, DELETE" : "POST";
}

bool takes(std::string_view methods, std::string_view method) {
  static constexpr std::string_view kBetween = ", ";
  while (!methods.empty()) {
    const std::size_t end = std::min(methods.find(kBetween), methods.size());
    if (methods.substr(0, end) == method) return true;
    methods.remove_prefix(std::min(end + kBetween.size(), methods.size()));
  }
  return false;
}

std::string_view probably_meant(std::string_view path) {
  static constexpr std::string_view kVersion = "/v1";
  for (const auto& [known, route] : kRoutes) {
    const bool without = known.substr(kVersion.size()) == path;
    const bool twice = path.starts_with(kVersion) && path.substr(kVersion.size()) == known;
    if (without || twice) return known;
  }
  return {};
}

Route route_of(std::string_view path) {
  for (const auto& [known, route] : kRoutes) {
    if (known == path) return route;
  }
  if (model_of(path)) return {Surface::Models, Dialect::OpenAi, true};
  return {};
}

std::optional<std::string> model_of(std::string_view path) {
  static constexpr std::string_view kModels = "/v1/models/";
  if (!path.starts_with(kModels) || path.size() == kModels.size()) return std::nullopt;
  path.remove_prefix(kModels.size());
  std::string model;
  while (!path.empty()) {
    unsigned char byte = static_cast<unsigned char>(path.front());
    if (byte == '%') {
      const bool whole = path.size() >= 3 && std::from_chars(path.data() + 1, path.data() + 3, byte, 16).ptr == path.data() + 3;
      if (!whole) return std::nullopt;
      path.remove_prefix(2);
    }
    model += static_cast<char>(byte);
    path.remove_prefix(1);
  }
  return model;
}

std::string_view credential_of(const http::Head& head) {
  const std::string_view authorization = head.find("authorization");
  static constexpr std::string_view kBearer = "bearer ";
  if (authorization.size() > kBearer.size() &&
      http::equals_ignoring_case(authorization.substr(0, kBearer.size()), kBearer)) {
    return authorization.substr(kBearer.size());
  }
  return head.find("x-api-key");
}

}  // namespace swarm::gateway

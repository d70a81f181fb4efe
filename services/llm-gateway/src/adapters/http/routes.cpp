#include "adapters/http/routes.hpp"

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

#include "adapters/http/routes.hpp"

#include <array>
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
  return {};
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

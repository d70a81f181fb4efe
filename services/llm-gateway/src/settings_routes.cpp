// Reads the part of the configuration that says which paths are passed on unread.
#include <algorithm>

#include "settings.hpp"

namespace swarm::gateway {
namespace {

constexpr double kRequestUsdMax = 100;
constexpr double kPicoPerDollar = 1e12;

}  // namespace

void read_route(const std::string& name, settings::Object& o, Settings& out) {
  Model& route = out.models.emplace_back();
  route.id = static_cast<std::uint32_t>(out.models.size() - 1);
  route.name = name;
  std::string upstream = out.upstreams.size() == 1 ? out.upstreams.front().name : "";
  double usd = -1;
  o.value("path", route.path, "What is passed on, with everything below it: e.g. /v1/audio.", [](const std::string& text) {
    return text.starts_with("/v1/") && text.size() > 4 && !text.ends_with('/') ? std::string() : std::string("is no path below /v1/");
  });
  o.value("upstream", upstream, "Name of the upstream that serves it; may be left out when there is only one.");
  o.value("request_usd", usd, "What each answered request costs; left out: unpriced.", -1, kRequestUsdMax);
  const auto found = std::find_if(out.upstreams.begin(), out.upstreams.end(), [&](const Upstream& u) { return u.name == upstream; });
  if (found == out.upstreams.end()) o.fault("upstream", "no upstream of that name: \"" + upstream + "\"");
  else route.upstream = found->id;
  for (const Model& other : out.models) {
    if (&other != &route && other.name == name) o.fault("path", "a model has the same name: keys could not tell them apart");
  }
  if (usd < 0) return;
  // One request counts as one token of input.
  Price price;
  price.input = price.cache_read = price.cache_write = price.cache_write_1h = static_cast<PicoPerToken>(usd * kPicoPerDollar);
  price.version = "config";
  route.price = price;
}

}  // namespace swarm::gateway

// Which settings a running service can't take over.
#include <algorithm>
#include <array>
#include <map>

#include "settings.hpp"

namespace swarm::gateway {
namespace {

/// What a reload puts into force, with everything below.
constexpr std::array<std::string_view, 9> kReloaded = {"upstreams", "models", "routes", "keys", "budgets", "guards", "default_guard", "spend.unpriced", "spend.fallback_price"};

bool is_reloaded(std::string_view path) {
  return std::any_of(kReloaded.begin(), kReloaded.end(), [&](std::string_view prefix) {
    return path.starts_with(prefix) && (path.size() == prefix.size() || path[prefix.size()] == '.');
  });
}

/// Every other setting as text. The description of settings tells the values that they have, so that none is forgotten here.
std::map<std::string, std::string> fixed(const Settings& settings) {
  std::map<std::string, std::string> texts;
  Settings copy = settings;
  for (auto& setting : settings::describe([&](settings::Object& root) { read(root, copy); })) {
    if (!is_reloaded(setting.path)) texts.emplace(std::move(setting.path), std::move(setting.default_text));
  }
  return texts;
}

bool same_hooks(const std::vector<HookSettings>& a, const std::vector<HookSettings>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const HookSettings& x, const HookSettings& y) {
    return x.least == y.least && x.hook.name == y.hook.name && x.hook.url == y.hook.url && x.hook.format == y.hook.format &&
           x.hook.chat == y.hook.chat && x.hook.authorization == y.hook.authorization && x.hook.timeout == y.hook.timeout;
  });
}

}  // namespace

std::vector<std::string> need_restart(const Settings& in_force, const Settings& fresh) {
  std::vector<std::string> changed;
  auto now = fixed(fresh);
  for (const auto& [path, text] : fixed(in_force)) {
    if (now[path] != text) changed.push_back(path);
  }
  if (!(in_force.task_token_key == fresh.task_token_key)) changed.emplace_back("tasks.token_key");
  if (!(in_force.metrics_token == fresh.metrics_token)) changed.emplace_back("admin.metrics_token");
  if (!same_hooks(in_force.hooks, fresh.hooks)) changed.emplace_back("alerts.hooks");
  return changed;
}

}  // namespace swarm::gateway

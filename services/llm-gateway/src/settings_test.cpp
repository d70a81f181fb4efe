#include "settings.hpp"

#include <catch2/catch.hpp>

#include <fstream>

#include "libs/testing/temp_dir.hpp"

namespace swarm::gateway {
namespace {

Settings loaded(const std::string& yaml) {
  const testing::TempDir dir;
  const auto file = dir.path() / "gateway.yaml";
  std::ofstream(file) << yaml;
  Settings settings;
  settings::Sources sources;
  sources.file = file.string();
  const auto read_all = settings::load(sources, [&](settings::Object& root) { read(root, settings); });
  if (!read_all) FAIL(read_all.error().message);
  return settings;
}

TEST_CASE("global has 10 dollars a day as long as nobody limits it", "[settings]") {
  const auto usual = budgets_in_force(loaded("budgets: {team/a: {limit_usd: 3}}\n"));
  REQUIRE(usual.size() == 2);
  REQUIRE(usual[1].scope == "global");
  REQUIRE(usual[1].limit.window == WindowKind::Day);
  REQUIRE(usual[1].limit.amount == Money::from_usd(10));
}

TEST_CASE("a limit of global in another window leaves no limit by the day beside it", "[settings]") {
  for (const char* yaml : {"budgets: {global: {limit_usd: 900, window: month}}\n",
                           "budgets: {for-ever: {scope: global, limit_usd: 900, window: total}}\n"}) {
    const auto budgets = budgets_in_force(loaded(yaml));
    REQUIRE(budgets.size() == 1);
    REQUIRE(budgets[0].scope == "global");
    REQUIRE(budgets[0].limit.window != WindowKind::Day);
    REQUIRE(budgets[0].limit.amount == Money::from_usd(900));
  }
}

TEST_CASE("two limits are the same when they allow the same", "[settings]") {
  Limit chosen;
  chosen.amount = Money::from_usd(5);
  Limit stored = chosen;
  stored.overshoot_max = default_overshoot(chosen.amount);
  REQUIRE(same_limit(chosen, stored));
  stored.overshoot_max = Money::from_usd(1);
  REQUIRE_FALSE(same_limit(chosen, stored));
  stored = chosen;
  stored.strict = true;
  REQUIRE_FALSE(same_limit(chosen, stored));
  stored = chosen;
  stored.amount = Money::from_usd(6);
  REQUIRE_FALSE(same_limit(chosen, stored));
  stored.unlimited = chosen.unlimited = true;
  REQUIRE(same_limit(chosen, stored));
}

}  // namespace
}  // namespace swarm::gateway

#include "application/rule_publisher.hpp"

#include <catch2/catch.hpp>

#include "libs/async/guarded.hpp"
#include "libs/testing/eventually.hpp"

using namespace swarm;
using namespace swarm::analyst;

namespace {

/// Remembers the ids of the last call; refuses as often as it is told to.
class Sink final : public ports::RuleSink {
 public:
  Result<void> publish(const std::vector<domain::GoldenRule>& rules) override {
    return state.with([&](State& s) -> Result<void> {
      if (s.refuse > 0) {
        --s.refuse;
        return Error{Code::Unavailable, "on command"};
      }
      s.ids.clear();
      for (const auto& rule : rules) s.ids.push_back(rule.id);
      return outcome::success();
    });
  }
  std::string_view name() const override { return "sink"; }
  std::vector<std::string> ids() const {
    return state.with([](const State& s) { return s.ids; });
  }

  struct State {
    std::vector<std::string> ids;
    int refuse = 0;
  };
  async::Guarded<State> state;
};

domain::GoldenRule rule(const std::string& id, std::uint64_t version) {
  domain::GoldenRule out;
  out.id = id;
  out.version = version;
  return out;
}

}  // namespace

TEST_CASE("sinks are told of rules in the order in which they changed, again until they take them", "[rules]") {
  metrics::Registry registry;
  application::Probe probe(registry);
  application::RuleBoard board;
  Sink sink;
  sink.state.with([](Sink::State& s) { s.refuse = 1; });
  const auto publisher = std::make_shared<application::RulePublisher>(std::vector<ports::RuleSink*>{&sink}, board, probe);
  board.watch(publisher);
  board.publish({rule("c", 1), rule("a", 2), rule("b", 3)});
  publisher->start();
  CHECK(testing::eventually([&] { return sink.ids() == std::vector<std::string>{"c", "a", "b"}; }));
  board.publish({rule("c", 4)});
  CHECK(testing::eventually([&] { return sink.ids() == std::vector<std::string>{"a", "b", "c"}; }));
  CHECK(testing::eventually([&] { return publisher->backlog().empty(); }));
  publisher->stop();
}

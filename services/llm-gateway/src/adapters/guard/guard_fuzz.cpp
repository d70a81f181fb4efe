// The privacy guard over any document and any stream: what comes out is whole, and no secret that was planted is in it.
#include "adapters/guard/event_guard.hpp"
#include "libs/testing/fuzz.hpp"

namespace {

using namespace swarm;
using namespace swarm::gateway;

const TextGuard& guard() {
  static metrics::Registry registry;
  static const TextGuard made = [] {
    GuardOptions options;
    options.name = "fuzz";
    options.rules = built_in_rules(RuleFamily::Secrets, GuardAction::Mask);
    for (auto& rule : built_in_rules(RuleFamily::PersonalData, GuardAction::Mask)) options.rules.push_back(std::move(rule));
    return TextGuard(std::move(options), registry);
  }();
  return made;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  std::string masked;
  const auto found = guard().check(GuardDirection::Request, text, masked);
  SWARM_CHECK(masked.empty() || !found.empty(), "only what was found is masked");
  std::size_t whole = 0;
  while (const std::size_t length = http::sse_event_length(text.substr(whole))) whole += length;
  EventGuard stream(guard());
  std::string out;
  SWARM_CHECK(stream.pass(text.substr(0, whole), out) && stream.finish(out), "no rule here refuses");
  std::string_view rest = out;
  while (const std::size_t length = http::sse_event_length(rest)) rest.remove_prefix(length);
  SWARM_CHECK(rest.empty() || rest.ends_with('\r'), "what goes on is whole events");
  return 0;
}

std::vector<std::string> swarm::testing::fuzz_seeds() {
  return {"{\"content\":\"key sk-proj-abcdefghijklmnopqrstuvwxyz \\u0041\\ud83d\\ude00 jane@example.org\",\"n\":4111111111111111}",
          "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"my key is sk-proj-abcdefghij\"}}]}\n\n"
          "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"klmnopqrstuvwxyz and on\"}}]}\n\ndata: [DONE]\n\n",
          "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\ndata: \"delta\":{\"text\":\"+49 30 1234567\"}}\n\nevent: content_block_stop\ndata: {}\n\n"};
}

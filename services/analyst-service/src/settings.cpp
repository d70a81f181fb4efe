#include "settings.hpp"

#include "libs/telemetry/log_level.hpp"

namespace swarm::analyst {

namespace {

std::string check_mode(const std::string& mode) {
  return mode == "template" || mode == "model" ? "" : "is neither template nor model";
}

// A rule that can't be used is a fault of the file, at the key that makes it so.
template <class Rule>
void take(settings::Object& o, const Rule& rule, std::vector<Rule>& out) {
  domain::GroupingRules probe;
  if (out.size() >= domain::GroupingRules::kRulesMax) o.fault("name", "more than " + std::to_string(domain::GroupingRules::kRulesMax) + " of them");
  else if (const auto good = probe.add(rule); !good) o.fault("pattern", good.error().message);
  else out.push_back(rule);
}

void read_grouping(settings::Object& root, Settings& out) {
  root.section("grouping", "What operators know better than the built-in grouping. It changes where failures land from then on.", [&](settings::Object& o) {
    if (o.has("masks")) out.masks.clear();
    o.list("masks", "Text of cause lines that varies and is to be masked.", [&](settings::Object& item) {
      domain::MaskRule rule;
      item.value("name", rule.name, "Its name, for explanations.");
      item.value("pattern", rule.pattern, "RE2 pattern; what it matches becomes <*>.");
      take(item, rule, out.masks);
    });
    if (o.has("fingerprints")) out.fingerprints.clear();
    o.list("fingerprints", "Failures that are one kind whatever their cause line says; the first that fits counts.", [&](settings::Object& item) {
      domain::FingerprintRule rule;
      item.value("name", rule.name, "Its name, for explanations.");
      item.value("stack", rule.stack, "Only of this stack; empty: any.");
      item.value("role", rule.role, "Only of this role; empty: any.");
      item.value("family", rule.family, "Only of this tool family, e.g. python; empty: any.");
      item.value("pattern", rule.pattern, "RE2 pattern, found anywhere in the cause line.");
      item.value("fingerprint", rule.fingerprint, "The kind's cause: text, \\1 to \\9 for groups of the pattern, {{ default }} for the built-in cause.");
      take(item, rule, out.fingerprints);
    });
  });
}

}  // namespace

void read(settings::Object& root, Settings& out) {
  root.value("data_dir", out.data_dir, "Folder of the store, the rules' Turtle files, and the outbox to the common knowledge.", settings::check_given);
  root.value("drain_time", out.drain_time, "How long calls in flight may take after SIGTERM.");
  root.section("log", "Log lines on stderr.", [&](settings::Object& o) { o.value("level", out.log_level, "debug, info, warn or error.", log::check_level); });
  root.section("grpc", "The service's own port.", [&](settings::Object& o) {
    o.value("listen", out.grpc_listen, "Address; port 0 takes a free one.", settings::check_address);
  });
  root.section("admin", "Metrics and probes over plain HTTP.", [&](settings::Object& o) {
    o.value("listen", out.admin_listen, "Address; port 0 takes a free one.", settings::check_address);
    o.secret("metrics_token", out.metrics_token, "When set, /metrics wants it as a bearer token.");
  });
  root.section("rules", "When and how golden rules come to be.", [&](settings::Object& o) {
    o.value("threshold", out.threshold, "Distinct tasks that must fail the same way before a rule is made.", {1, 1'000'000});
    o.value("approval", out.approval, "New rules stay proposed until a person activates them.");
    o.value("agents_min", out.agents_min, "Distinct agents that must have failed this way, too.", {1, 10'000});
    o.value("lifetime", out.rule_lifetime, "How long after its activation a rule retires; 0: never.", std::chrono::milliseconds(0));
    o.value("trial_attempts", out.trial_attempts, "Attempts with a rule after which it retires unless it measurably helps; 0: never.", {0, 1'000'000});
    o.value("metrics_max", out.rule_metrics_max, "Active rules whose effect is shown as metrics, at most: those that keep most failures away.", {0, 2'000});
    o.value("sanity_task", out.sanity_task, "A task that every new rule is tried on, through the orchestrator, before it holds; empty: none.");
    o.value("sanity_time", out.sanity_time, "How long a sanity run may take before the rule stays proposed.", std::chrono::milliseconds(1000), std::chrono::hours(24));
  });
  read_grouping(root, out);
  root.section("author", "Who words the rules.", [&](settings::Object& o) {
    o.value("mode", out.author_mode, "template: always the built-in text. model: that at once, and a model's text as soon as there is a good one.", check_mode);
    o.value("model", out.author_model, "Model or alias that the gateway is asked for; empty: its default.");
    o.value("checks", out.author_checks, "Whether a pattern of the model may become its rule's check by machine, once it is found to spare ordinary work.");
    o.value("timeout", out.author_timeout, "Longest wait for the model.", std::chrono::milliseconds(100), std::chrono::minutes(10));
  });
  root.section("limits", "Bounds of memory and disk.", [&](settings::Object& o) {
    o.value("groups_max", out.groups_max, "Kinds of failure that are remembered; beyond, the least recent without a rule go.", {100, 10'000'000});
    o.value("journal_entries_max", out.journal_entries_max, "Failures and outcomes whose repeats are recognised.", {1000, 1'000'000'000});
    o.value("queue_max", out.queue_max, "Reports that may wait for the disk.", {16, 1'000'000});
    o.bytes("store_bytes_max", out.store_bytes_max, "Size of the store; 0: as the disk allows.");
  });
  root.section("gateway", "Where models are.", [&](settings::Object& o) {
    o.value("address", out.gateway_address, "llm-gateway's gRPC address; empty: none.", settings::check_peer_address_or_empty);
  });
  root.section("orchestrator", "Where tasks are.", [&](settings::Object& o) {
    o.value("address", out.orchestrator_address, "orchestrator-core's gRPC address, for sanity runs; empty: none.", settings::check_peer_address_or_empty);
  });
  root.section("knowledge", "What the swarm knows in common.", [&](settings::Object& o) {
    o.value("poll", out.knowledge_poll, "How often the common store is asked for failures that agents left there.", std::chrono::milliseconds(50));
    knowledge::read_link(o, out.knowledge);
  });
  rpc::read_security(root, out.security);
  rpc::check_exposure(root, out.grpc_listen, out.security);
  otlp::read_traces(root, out.traces);
}

}  // namespace swarm::analyst

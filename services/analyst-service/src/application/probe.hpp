#pragma once

#include "application/rule_gauges.hpp"
#include "libs/telemetry/metrics.hpp"

namespace swarm::analyst::application {

/// The service's metrics, by name.
struct Probe {
  explicit Probe(metrics::Registry& r, std::size_t rule_metrics_max = RuleGauges::kRulesMax)
      : counted(r.counter("swarm_analyst_failures_total", "Failures reported", {{"outcome", "counted"}})),
        repeats(r.counter("swarm_analyst_failures_total", "Failures reported", {{"outcome", "repeat"}})),
        refused(r.counter("swarm_analyst_failures_total", "Failures reported", {{"outcome", "refused"}})),
        outcomes(r.counter("swarm_analyst_outcomes_total", "Outcomes of attempts that were counted")),
        rules_made(r.counter("swarm_analyst_rules_made_total", "Rules made at the threshold")),
        author_good(r.counter("swarm_analyst_author_calls_total", "Calls of the rule author", {{"outcome", "used"}})),
        author_bad(r.counter("swarm_analyst_author_calls_total", "Calls of the rule author", {{"outcome", "refused_text"}})),
        author_failed(r.counter("swarm_analyst_author_calls_total", "Calls of the rule author", {{"outcome", "failed"}})),
        checks_good(r.counter("swarm_analyst_author_checks_total", "Patterns of the rule author", {{"outcome", "used"}})),
        checks_bad(r.counter("swarm_analyst_author_checks_total", "Patterns of the rule author", {{"outcome", "refused"}})),
        sink_failures(r.counter("swarm_analyst_sink_failures_total", "Failed attempts to hand rules on")),
        commits(r.counter("swarm_analyst_commits_total", "Transactions committed")),
        commit_seconds(r.histogram("swarm_analyst_commit_seconds", "Time of one commit with fdatasync", metrics::latency_buckets())),
        ingest_seconds(r.histogram("swarm_analyst_ingest_seconds", "Time of analysis and durable counting of one failure", metrics::latency_buckets())),
        groups(r.gauge("swarm_analyst_groups", "Kinds of failure known")),
        proposed_rules(r.gauge("swarm_analyst_rules", "Golden rules by state", {{"state", "proposed"}})),
        active_rules(r.gauge("swarm_analyst_rules", "Golden rules by state", {{"state", "active"}})),
        retired_rules(r.gauge("swarm_analyst_rules", "Golden rules by state", {{"state", "retired"}})),
        queue(r.gauge("swarm_analyst_queue_commands", "Commands that wait for the ledger")),
        rule_effects(r, rule_metrics_max) {}

  metrics::Counter& counted;
  metrics::Counter& repeats;
  metrics::Counter& refused;
  metrics::Counter& outcomes;
  metrics::Counter& rules_made;
  metrics::Counter& author_good;
  metrics::Counter& author_bad;
  metrics::Counter& author_failed;
  metrics::Counter& checks_good;
  metrics::Counter& checks_bad;
  metrics::Counter& sink_failures;
  metrics::Counter& commits;
  metrics::Histogram& commit_seconds;
  metrics::Histogram& ingest_seconds;
  metrics::Gauge& groups;
  metrics::Gauge& proposed_rules;
  metrics::Gauge& active_rules;
  metrics::Gauge& retired_rules;
  metrics::Gauge& queue;
  RuleGauges rule_effects;  // of the ledger's thread
};

}  // namespace swarm::analyst::application

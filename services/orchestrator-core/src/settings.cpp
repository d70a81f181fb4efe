#include "settings.hpp"

#include "libs/telemetry/log_level.hpp"

namespace swarm::orchestrator {
namespace {

using settings::Object;
using std::chrono::milliseconds;

constexpr std::size_t kForbiddenBytesMax = 16u << 10;

/// Counts in the structs are unsigned; settings are read as whole numbers within bounds.
void count(Object& o, std::string_view key, std::size_t& out, std::string_view help, std::int64_t min,
           std::int64_t max) {
  auto value = static_cast<std::int64_t>(out);
  o.value(key, value, help, {min, max});
  out = static_cast<std::size_t>(value);
}

void read_leases(Object& root, Settings& out) {
  root.section("lease", "How long an agent keeps a task", [&](Object& o) {
    o.value("time", out.engine.lease, "without a heartbeat; then the task goes to another agent", milliseconds(100));
    o.value("start_within", out.engine.start_within,
            "from the assignment to the agent's first sign; then it is requeued without counting an attempt",
            milliseconds(50));
    o.value("heartbeat", out.heartbeat, "how often agents are asked to send one", milliseconds(10));
  });
  root.section("timeouts", "Bounds on what a task may take; a task may name its own. 0: none", [&](Object& o) {
    o.value("schedule_to_start", out.engine.schedule_to_start, "in the queue, each time that it is queued; then it is dead");
    o.value("start_to_close", out.engine.start_to_close, "one attempt, whatever its agent says; then it has failed");
  });
  root.section("retry", "What happens after a failed attempt", [&](Object& o) {
    o.value("attempts_max", out.engine.attempts_default, "attempts per workflow state, where the task does not say", {1, 1000});
    o.value("backoff_initial", out.engine.retry.backoff, "wait before the second attempt; doubles with each one");
    o.value("backoff_max", out.engine.retry.backoff_max, "longest wait between two attempts");
    o.value("backoff_transient", out.engine.retry.transient_backoff, "first wait after a failure of class transient");
    o.value("park", out.engine.retry.park, "wait after the classes cancelled and halted, which count no attempt");
    o.value("park_budget", out.engine.retry.budget_park, "wait before a task with a dry budget is looked at again");
  });
}

std::string check_of_checks(const std::string& text) {
  return text == "off" || text == "warn" || text == "return" ? "" : "it is none of off, warn, return";
}

void read_rules(Object& root, Settings& out) {
  root.section("golden_rules", "Rules that go into the constraints of matching tasks", [&](Object& o) {
    o.value("deliver", out.rules.deliver, "false keeps all rules back");
    count(o, "count_max", out.rules.count_max, "most rules that one assignment carries", 0, 1000);
    std::uint64_t bytes = out.rules.bytes_max;
    o.bytes("bytes_max", bytes, "most text of rules that one assignment carries", 0, 1u << 20);
    out.rules.bytes_max = bytes;
    double share = out.rules.hold_out_bp / 10'000.0;
    o.value("hold_out", share, "share of (task, rule) pairs kept back to measure what a rule does", 0, 1);
    out.rules.hold_out_bp = static_cast<int>(share * 10'000 + 0.5);
    std::string checks = "warn";
    o.value("machine_checks", checks,
            "what becomes of a success that breaks must_match or must_not_match of a rule that its attempt was given: off looks at nothing, "
            "warn counts it and says so in the task's history, return makes it a failure with the rule in its feedback", check_of_checks);
    out.machine_checks = checks == "off" ? MachineChecks::Off : checks == "return" ? MachineChecks::Return : MachineChecks::Warn;
  });
}

void read_limits(Object& root, Settings& out) {
  root.section("limits", "Bounds on what is kept and accepted", [&](Object& o) {
    count(o, "tasks_active", out.engine.tasks_active_max, "tasks that are not finished", 1, 100'000'000);
    count(o, "agents", out.engine.agents_max, "registered agents", 1, 1'000'000);
    count(o, "queue_commands", out.queue.commands_max, "commands that wait for the engine", 16, 10'000'000);
    count(o, "queue_reserved", out.queue.reserved, "of these, only for results and heartbeats", 0, 1'000'000);
    count(o, "outcomes", out.engine.outcomes_max, "outcomes kept for the analyst while it is away", 0, 100'000'000);
    auto untold = static_cast<std::int64_t>(out.untold_max);
    o.value("untold_changes", untold, "changes of tasks that wait for a place in the outbox of the common knowledge; beyond, the oldest go", {1'000, 1'000'000'000});
    out.untold_max = static_cast<std::uint64_t>(untold);
    count(o, "finished_in_memory", out.finished_in_memory, "finished tasks kept at hand", 0, 10'000'000);
    count(o, "watch_streams", out.followers_max, "open watch streams", 1, 100'000);
    count(o, "watch_events", out.follower_events_max, "events kept for a slow watch stream", 16, 1'000'000);
    std::uint64_t text = out.service.limits.text_bytes_max;
    o.bytes("text", text, "one description, context, artefact or error message", 1024, 8u << 20);
    out.service.limits.text_bytes_max = text;
    count(o, "schedules", out.engine.schedules_max, "schedules", 0, 100'000);
    count(o, "holds", out.engine.holds_max, "agents, roles, stacks and tenants held back at a time", 0, 100'000);
    auto history = static_cast<std::int64_t>(out.engine.history_kept);
    o.value("history", history, "transitions kept per task", {1, 100'000});
    out.engine.history_kept = static_cast<std::uint32_t>(history);
    o.bytes("store", out.store_bytes_max, "size of the data file at most; 0: no bound");
  });
}

void read_artifacts(Object& root, Settings& out) {
  root.section("artifacts", "Files that agents hand in besides their results", [&](Object& o) {
    o.bytes("bytes_max", out.service.limits.artifact_bytes_max, "one file", 1024, 1ull << 40);
    o.bytes("task_bytes_max", out.engine.artifacts.bytes_max, "all files of one task", 1024, 1ull << 42);
    count(o, "task_count_max", out.engine.artifacts.count_max, "files of one task", 1, 1'000);
    o.bytes("free_min", out.artifact_folder.free_min, "what uploads leave free on the disk");
    o.value("resume_within", out.artifact_folder.resume_within, "an upload that was cut off can be gone on with for so long; 0: it begins again");
    count(o, "uploads", out.transfers.uploads_max, "uploads under way at a time", 1, 1'000);
    count(o, "downloads", out.transfers.downloads_max, "downloads under way at a time", 1, 1'000);
    o.value("idle", out.transfers.idle_max, "without a byte; then a transfer is given up", milliseconds(100));
  });
}

void read_retention(Object& root, Settings& out) {
  root.section("retention", "How long finished tasks are kept, with history, texts, artefacts and idempotency keys. 0: for ever", [&](Object& o) {
    o.value("succeeded", out.retention.succeeded, "after a task succeeded");
    o.value("cancelled", out.retention.cancelled, "after it was cancelled");
    o.value("dead", out.retention.dead, "after it died; until then it can be redriven");
    auto most = static_cast<std::int64_t>(out.retention.finished_max);
    o.value("finished_max", most, "finished tasks kept at most, the newest; 0: any number", {0, 1'000'000'000});
    out.retention.finished_max = static_cast<std::uint64_t>(most);
  });
}

std::int64_t nanos_of(double usd) { return static_cast<std::int64_t>(usd * 1e9 + 0.5); }

void read_guardrails(Object& root, Settings& out) {
  root.section("guardrails", "What no task and no agent may do", [&](Object& o) {
    o.list("policies", "each restricts what it names", [&](Object& p) {
      Policy policy;
      double usd = 0;
      p.value("id", policy.id, "its name, for messages and histories");
      p.value("control", policy.control, "the control of NIST SP 800-53 that it enforces, e.g. AC-6");
      p.value("tenant", policy.tenant, "whose tasks; empty: everybody's");
      p.value("stacks", policy.stacks, "stacks that a task may be of; empty: any");
      p.value("tools", policy.tools, "capabilities that a task may require; empty: any");
      p.value("hosts", policy.hosts, "hosts that URLs in texts and artefacts may name, *.x for those below x; empty: any");
      p.value("forbidden", policy.forbidden, "texts that no artefact may hold; only of policies without a tenant");
      p.value("budget_usd_max", usd, "most that one task may spend, and the budget of one that names none; 0: no bound", 0, 1e6);
      policy.budget_nanos_max = nanos_of(usd);
      if (policy.id.empty()) p.fault("id", "is missing");
      for (const auto& text : policy.forbidden) {
        if (text.empty() || text.size() > kForbiddenBytesMax) p.fault("forbidden", "one is empty or longer than 16 KiB");
      }
      out.policies.push_back(std::move(policy));
    });
    o.list("grants", "permissions of agents; with any, what an agent claims counts only as far as it is granted", [&](Object& g) {
      Grant grant;
      g.value("agent", grant.agent, "its name; a * at the end stands for all that begin so");
      g.value("permissions", grant.permissions, "what it may do");
      if (grant.agent.empty()) g.fault("agent", "is missing");
      out.grants.push_back(std::move(grant));
    });
    o.value("parents_need_token", out.tokens.parents_need_one,
            "a task that names a parent must show the capability that its agent got (parent_token)");
    if (out.tokens.parents_need_one && out.tokens.key.empty()) o.fault("parents_need_token", "needs tasks.token_key");
    o.value("grants_from_knowledge", out.grants_from_knowledge,
            "permissions of an agent and of its roles, and those that tasks require, come from the common knowledge too; needs knowledge.synapse");
    if (out.grants_from_knowledge && !out.knowledge.wanted()) {
      o.fault("grants_from_knowledge", "there is no common knowledge: set knowledge.synapse.address");
    }
  });
}

void read_workflow(Object& root, Settings& out) {
  root.section("workflow", "States that a task moves through", [&](Object& o) {
    o.value("handlers", out.handlers, "roles that states may name");
    o.list("states", "in order; the first is where a workflow begins. Empty: the standard workflow", [&](Object& s) {
      WorkflowState state;
      s.value("name", state.name, "its name");
      s.value("handler", state.handler, "the role that does it");
      s.value("on_success", state.on_success, "next state; empty: the workflow ends");
      s.value("on_failure", state.on_failure, "state to go back to; empty: try again here");
      s.value("approval", state.approval, "a success waits for a person");
      s.value("rounds_max", state.rounds_max, "how often on_failure may be taken", {0, 1000});
      out.workflow.push_back(std::move(state));
    });
    for (const auto& fault : out.make_workflow().faults(out.handlers)) o.fault("states", fault);
  });
}

}  // namespace

void read(Object& root, Settings& out) {
  root.value("data_dir", out.data_dir, "directory of the task store", settings::check_given);
  root.value("drain_time", out.drain_time, "time for work in flight at a stop");
  root.section("log", "The log", [&](Object& o) { o.value("level", out.log_level, "debug, info, warn or error", log::check_level); });
  root.section("grpc", "The gRPC port", [&](Object& o) {
    o.value("listen", out.grpc.listen, "address that the gRPC server binds to; beyond loopback it needs tls and auth", settings::check_address);
    o.value("poll_default", out.service.poll_default, "how long PollTask waits when the client does not say");
    o.value("poll_max", out.service.poll_max, "longest wait of PollTask");
  });
  root.section("admin", "Metrics and probes over HTTP", [&](Object& o) {
    o.value("listen", out.admin_listen, "address of the plain HTTP admin port", settings::check_address);
    o.secret("metrics_token", out.metrics_token, "bearer token that /metrics asks for");
  });
  root.section("analyst", "Golden rules come from here, outcomes go there", [&](Object& o) {
    o.value("address", out.analyst_address, "gRPC address; empty: none", settings::check_peer_address_or_empty);
  });
  root.section("gateway", "Budgets of tasks", [&](Object& o) {
    o.value("address", out.gateway_address, "gRPC address; empty: none, and agents report a dry budget themselves",
            settings::check_peer_address_or_empty);
    o.value("dry_at_protected", out.budgets.dry_at_protected,
            "a budget whose rest is kept for keys with priority (95 %) counts as dry; false if agents have such keys");
    o.value("forget_when_away", out.budgets.forget_when_away,
            "while the gateway does not answer no budget counts as dry; false: what it said last holds until it resets");
  });
  root.section("tasks", "Capabilities that go out with assignments", [&](Object& o) {
    o.secret("token_key", out.tokens.key,
             "shared with the gateway (its tasks.token_key), 32 bytes or more: signs the capability that goes with an assignment. Empty: none");
    if (!out.tokens.key.empty() && out.tokens.key.reveal().size() < 32) o.fault("token_key", "it is shorter than 32 bytes");
    o.value("token_time", out.tokens.lifetime, "how long such a capability lasts", milliseconds(1'000));
  });
  root.section("command_log", "A record of each run, without texts and lease tokens, from which orchestrator-replay repeats it", [&](Object& o) {
    o.value("directory", out.command_log.directory, "where the records go, one file for each start; empty: nothing is recorded");
    o.bytes("bytes_max", out.command_log.bytes_max, "of one run; what comes after is not recorded", 1u << 20);
    count(o, "files_max", out.command_log.files_max, "of as many runs, the newest", 1, 1'000);
  });
  root.section("knowledge", "What the swarm knows in common", [&](Object& o) {
    o.value("refresh", out.knowledge_refresh, "how often rules, lessons and permissions are looked up", milliseconds(50));
    o.value("classify", out.knowledge_classify,
            "look for the stack of a task that names none by what similar texts there belonged to");
    o.value("control_refresh", out.control_refresh, "how often the kill switch is looked up", milliseconds(10));
    knowledge::read_link(o, out.knowledge);
  });
  rpc::read_security(root, out.security);
  rpc::check_exposure(root, out.grpc.listen, out.security);
  otlp::read_traces(root, out.traces);
  read_leases(root, out);
  read_rules(root, out);
  read_limits(root, out);
  read_artifacts(root, out);
  read_retention(root, out);
  read_guardrails(root, out);
  read_workflow(root, out);
  out.grpc.tls = out.security.tls;
  out.grpc.drain_time = out.drain_time;
  out.engine.report_outcomes = !out.analyst_address.empty();
  out.engine.tell_changes = out.knowledge.wanted();
}

}  // namespace swarm::orchestrator

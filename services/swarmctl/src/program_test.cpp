#include "program.hpp"

#include <google/protobuf/util/json_util.h>
#include <google/protobuf/util/message_differencer.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "libs/testing/temp_dir.hpp"
#include "testing/fake_services.hpp"

using namespace swarm;
using namespace swarm::ctl;

namespace {

struct Run {
  int code = 0;
  std::string out, err;
};

struct Fixture {
  ctl::testing::FakeSwarm fakes;

  Run ctl(std::vector<std::string> arguments) {
    const std::string address = "127.0.0.1:" + std::to_string(fakes.port);
    for (const char* flag : {"--orchestrator", "--analyst", "--gateway"}) {
      arguments.push_back(flag);
      arguments.push_back(address);
    }
    std::ostringstream out;
    std::ostringstream err;
    Run run;
    run.code = swarm::ctl::run(arguments, out, err, {});
    run.out = out.str();
    run.err = err.str();
    return run;
  }

  orchestrator::Task& add(const std::string& id, orchestrator::TaskStatus status) {
    auto& task = fakes.orchestrator.tasks.emplace_back();
    task.set_task_id(id);
    task.set_status(status);
    task.set_description("do " + id);
    return task;
  }
};

orchestrator::TaskEvent event(const std::string& id, orchestrator::TaskStatus status, std::int64_t version) {
  orchestrator::TaskEvent out;
  out.mutable_task()->set_task_id(id);
  out.mutable_task()->set_status(status);
  out.mutable_task()->set_version(version);
  out.mutable_task()->set_updated_unix_ms(1'767'225'600'000);
  return out;
}

}  // namespace

TEST_CASE_METHOD(Fixture, "submit sends every option and prints only the id", "[grpc][program]") {
  const auto done = ctl({"tasks", "submit", "mend", "--stack", "python", "--state", "Code", "--until", "Review", "--role",
                         "Coder", "--capability", "a", "--capability", "b", "--permission", "p", "--priority", "-3",
                         "--depends-on", "t-0", "--label", "k=v=w", "--label", "x=", "--max-attempts", "4", "--key", "once",
                         "--approval", "--delay", "250ms", "--deadline", "1h", "--context", "c", "--tenant", "team",
                         "--parent", "t-p"});
  CHECK(done.err == "");
  CHECK(done.out == "t-mend\n");
  REQUIRE(done.code == 0);
  orchestrator::NewTask expected;
  REQUIRE(google::protobuf::util::JsonStringToMessage(
              R"({"description":"mend","context":"c","stack":"python","workflow_state":"Code","until_state":"Review",
                  "role":"Coder","required_capabilities":["a","b"],"required_permissions":["p"],"priority":-3,
                  "depends_on":["t-0"],"labels":{"k":"v=w","x":""},"max_attempts":4,"idempotency_key":"once",
                  "requires_approval":true,"delay_ms":250,"deadline_ms":3600000,"tenant":"team","parent_id":"t-p"})",
              &expected)
              .ok());
  INFO(to_json(fakes.orchestrator.submitted));
  CHECK(google::protobuf::util::MessageDifferencer::Equals(fakes.orchestrator.submitted, expected));
}

TEST_CASE_METHOD(Fixture, "submit makes a key of its own and tells of a task that was there", "[grpc][program]") {
  add("t-x", orchestrator::QUEUED);
  const auto done = ctl({"tasks", "submit", "x"});
  CHECK(done.out == "t-x\n");
  CHECK(done.err == "swarmctl: t-x was there already\n");
  CHECK(fakes.orchestrator.submitted.idempotency_key().starts_with("swarmctl-"));
  CHECK(ctl({"--json", "tasks", "submit", "y"}).out == "{\"task_id\":\"t-y\",\"created\":true}\n");
}

TEST_CASE_METHOD(Fixture, "submit takes many tasks from a file", "[grpc][program]") {
  const swarm::testing::TempDir dir;
  const std::string path = (dir.path() / "tasks.json").string();
  std::ofstream(path) << R"([{"description":"a"},{"description":"b","labels":{"k":"v"}}])";
  CHECK(ctl({"tasks", "submit", "--file", path}).out == "t-a\nt-b\n");
  std::ofstream(path) << R"({"tasks":[{"description":"c","no_such_field":1}]})";
  const auto refused = ctl({"tasks", "submit", "--file", path});
  CHECK(refused.code == 2);
  CHECK(refused.err.find("no_such_field") != std::string::npos);
  CHECK(ctl({"tasks", "submit", "--file", "/no/such"}).code == 2);
}

TEST_CASE_METHOD(Fixture, "list follows pages up to the limit", "[grpc][program]") {
  for (int i = 0; i < 1234; ++i) add("t" + std::to_string(i), orchestrator::QUEUED);
  fakes.orchestrator.tasks[0].set_status(orchestrator::BLOCKED);
  fakes.orchestrator.tasks[0].set_blocked_reason("approval");
  const auto few = ctl({"tasks", "list", "--limit", "2", "--status", "queued", "--label", "k=v"});
  CHECK(few.out ==
        "ID  STATUS              WORKFLOW  STACK  TRY  AGE  DESCRIPTION\n"
        "t0  blocked (approval)                     0    -  do t0\n"
        "t1  queued                                 0    -  do t1\n");
  CHECK(few.err == "swarmctl: there are more; --limit 0 shows all\n");
  CHECK(fakes.orchestrator.listed.status() == orchestrator::QUEUED);
  CHECK(fakes.orchestrator.listed.labels().at("k") == "v");
  const auto all = ctl({"tasks", "list", "--limit", "0", "--json"});
  orchestrator::ListTasksResponse parsed;
  REQUIRE(google::protobuf::util::JsonStringToMessage(all.out, &parsed).ok());
  CHECK(parsed.tasks_size() == 1234);
}

TEST_CASE_METHOD(Fixture, "show prints all there is", "[grpc][program]") {
  auto& task = add("t1", orchestrator::DEAD);
  task.set_error_message("boom\nat line 3");
  task.set_attempt(3);
  task.set_max_attempts(3);
  auto* h = task.add_history();
  h->set_at_unix_ms(1'767'225'600'000);
  h->set_from(orchestrator::RUNNING);
  h->set_to(orchestrator::DEAD);
  h->set_actor("engine");
  h->set_reason("out of attempts");
  CHECK(ctl({"tasks", "show", "t1"}).out ==
        "id           t1\n"
        "status       dead\n"
        "description  do t1\n"
        "attempt      3 of 3\n"
        "error\n"
        "    boom\n"
        "    at line 3\n"
        "\n"
        "AT                    FROM     TO    STATE  ATTEMPT  BY      REASON\n"
        "2026-01-01T00:00:00Z  running  dead                  engine  out of attempts\n");
  const auto missing = ctl({"tasks", "show", "t2"});
  CHECK(missing.code == 1);
  CHECK(missing.err == "swarmctl: tasks show: the orchestrator at 127.0.0.1:" + std::to_string(fakes.port) +
                           " says: no task id=t2 (NOT_FOUND)\n");
}

TEST_CASE_METHOD(Fixture, "cancel, approve and reject take several tasks and go on after a failure", "[grpc][program]") {
  add("t1", orchestrator::RUNNING);
  add("t2", orchestrator::BLOCKED);
  const auto done = ctl({"tasks", "cancel", "t1", "t9", "t2"});
  CHECK(done.out == "t1  cancelled\nt2  cancelled\n");
  CHECK(done.code == 1);
  CHECK(ctl({"tasks", "approve", "t1", "--by", "me", "--comment", "good"}).out == "t1  queued\n");
  CHECK(fakes.orchestrator.approved.by() == "me");
  CHECK(fakes.orchestrator.approved.comment() == "good");
  CHECK(ctl({"tasks", "reject", "t1"}).out == "t1  dead\n");
  CHECK(!fakes.orchestrator.approved.approve());
  CHECK(!fakes.orchestrator.approved.by().empty());
}

TEST_CASE_METHOD(Fixture, "watch ends when all its tasks are final, and connects again", "[grpc][program]") {
  add("a", orchestrator::RUNNING);
  add("b", orchestrator::RUNNING);
  fakes.orchestrator.streams = {
      {{event("a", orchestrator::RUNNING, 1), event("a", orchestrator::SUCCEEDED, 2)},
       {grpc::StatusCode::UNAVAILABLE, "draining"}},
      {{event("a", orchestrator::SUCCEEDED, 2), event("b", orchestrator::SUCCEEDED, 5)}}};
  const auto done = ctl({"tasks", "watch", "a", "b"});
  CHECK(done.out ==
        "2026-01-01T00:00:00Z  a  running             \n"
        "2026-01-01T00:00:00Z  a  succeeded           \n"
        "2026-01-01T00:00:00Z  b  succeeded           \n");
  CHECK(done.err == "swarmctl: connection lost, trying again\n");
  CHECK(done.code == 0);
  CHECK(fakes.orchestrator.watched[0].snapshot());
}

TEST_CASE_METHOD(Fixture, "watch fails for a task that does not succeed, looks again when it missed events", "[grpc][program]") {
  add("a", orchestrator::RUNNING);
  auto missed = event("a", orchestrator::RUNNING, 3);
  missed.set_missed(7);
  fakes.orchestrator.streams = {{{missed}}, {{event("a", orchestrator::DEAD, 9)}}};
  const auto done = ctl({"tasks", "watch", "a", "--json"});
  CHECK(done.code == 1);
  CHECK(done.err.find("7 events missed") != std::string::npos);
  CHECK(done.out.find("\"DEAD\"") != std::string::npos);
  CHECK(fakes.orchestrator.watched.size() == 2);
  CHECK(ctl({"tasks", "watch", "nobody"}).err.find("no task id=nobody") != std::string::npos);
}

TEST_CASE_METHOD(Fixture, "agents show what they do", "[grpc][program]") {
  auto& busy = fakes.orchestrator.agents.emplace_back();
  busy.set_name("coder-1");
  busy.add_roles("Coder");
  busy.add_held_task_ids("t1");
  busy.set_last_seen_ms_ago(1500);
  auto& idle = fakes.orchestrator.agents.emplace_back();
  idle.set_name("x");
  idle.set_waiting(true);
  idle.add_capabilities("python");
  CHECK(ctl({"agents", "list"}).out ==
        "NAME     ROLES  SEEN  DOES            CAPABILITIES\n"
        "coder-1  Coder  1.5s  t1\n"
        "x        any     0ms  waits for work  python\n");
}

TEST_CASE_METHOD(Fixture, "dispatch halts and resumes", "[grpc][program]") {
  CHECK(ctl({"dispatch", "halt", "--reason", "bad rule", "--by", "me"}).out ==
        "dispatch  halted\nreason    bad rule\nby        me\n");
  CHECK(ctl({"dispatch", "status"}).out.find("halted") != std::string::npos);
  CHECK(ctl({"dispatch", "resume"}).out == "dispatch  running\nby        swarmctl\n");
}

TEST_CASE_METHOD(Fixture, "rules are listed by state", "[grpc][program]") {
  auto& rule = fakes.analyst.rules.emplace_back();
  rule.set_rule_id("r1");
  rule.set_state("active");
  rule.set_stack("python");
  rule.set_text("Do not.");
  auto& retired = fakes.analyst.rules.emplace_back();
  retired.set_rule_id("r2");
  retired.set_state("retired");
  CHECK(ctl({"rules", "list"}).out ==
        "ID  STATE   STACK   ROLE   TASKS  FAILURES  BEFORE  AFTER  FEWER  AUTHOR  AGE  RULE\n"
        "r1  active  python  every      0         0       -      -      -            -  Do not.\n");
  CHECK(ctl({"rules", "list", "--state", "all"}).out.find("r2") != std::string::npos);
  CHECK(ctl({"rules", "list", "--state", "some"}).code == 2);
  CHECK(ctl({"rules", "list", "--state", "proposed"}).err == "swarmctl: no rules\n");
}

TEST_CASE_METHOD(Fixture, "groups are listed with their totals", "[grpc][program]") {
  auto* group = fakes.analyst.groups.add_groups();
  group->set_kind_id("k1");
  group->set_cause("TypeError: <*>");
  group->set_tasks(3);
  group->set_events(4);
  fakes.analyst.groups.set_total_events(4);
  fakes.analyst.groups.set_total_groups(1);
  const auto done = ctl({"groups", "list"});
  CHECK(done.out ==
        "KIND  STACK  ROLE  FAMILY  TASKS  EVENTS  SEEN  NOTE  RULE  CAUSE\n"
        "k1                             3       4     -  -     -     TypeError: <*>\n");
  CHECK(done.err == "swarmctl: 4 failures in 1 group\n");
}

TEST_CASE_METHOD(Fixture, "the budget is read, set and reset", "[grpc][program]") {
  auto& global = fakes.gateway.scopes["global"];
  global.set_scope("global");
  global.set_state("warned");
  global.set_window("day");
  global.set_current_spend(8.5);
  global.set_limit(10);
  global.set_remaining(1.5);
  global.set_overshoot_max(0.1);
  CHECK(ctl({"budget", "get"}).out ==
        "scope              global\nstate              warned\nwindow             day\nspent              $8.50 (85%)\n"
        "reserved           $0.00\nlimit              $10.00\nremaining          $1.50\noverspend at most  $0.10\n"
        "requests           0\n");
  CHECK(ctl({"budget", "get", "team/x"}).code == 1);
  CHECK(ctl({"budget", "set", "$25.5", "--scope", "team/x", "--window", "day", "--strict"}).code == 0);
  CHECK(fakes.gateway.limit.limit() == 25.5);
  CHECK(fakes.gateway.limit.strict());
  CHECK(ctl({"budget", "set", "unlimited"}).code == 0);
  CHECK(fakes.gateway.limit.unlimited());
  CHECK(ctl({"budget", "set", "much"}).code == 2);
  CHECK(ctl({"budget", "set", "-1"}).code == 2);
  CHECK(ctl({"budget", "set", "13"}).err.find("thirteen is refused") != std::string::npos);
  CHECK(ctl({"budget", "reset"}).out.find("spent              $0.00") != std::string::npos);
  CHECK(ctl({"budget", "list", "--prefix", "team/"}).out.find("global") == std::string::npos);
}

TEST_CASE_METHOD(Fixture, "an override says how much, how long and why", "[grpc][program]") {
  fakes.gateway.scopes["team/x"].set_scope("team/x");
  CHECK(ctl({"budget", "override", "--scope", "team/x", "--extra", "5", "--for", "2h", "--reason", "release night"}).code == 0);
  CHECK(fakes.gateway.lift.extra() == 5);
  CHECK(fakes.gateway.lift.seconds() == 7200);
  CHECK(fakes.gateway.lift.reason() == "release night");
  CHECK(ctl({"budget", "override", "--scope", "team/x", "--end", "--reason", "over"}).code == 0);
  CHECK(fakes.gateway.lift.seconds() == 0);
  CHECK(ctl({"budget", "override", "--extra", "5"}).code == 2);
  CHECK(ctl({"budget", "override", "--reason", "none"}).code == 2);
}

TEST_CASE_METHOD(Fixture, "a request is explained and a limit tried", "[grpc][program]") {
  CHECK(ctl({"explain", "request", "r1"}).out == "caller: key coder\nend: \xEF\xBF\xBD[31mok\n");
  CHECK(ctl({"explain", "request", "r2"}).code == 1);
  const auto tried = ctl({"budget", "try", "5", "--scope", "team/x", "--window", "day", "--since", "24h"});
  CHECK(tried.out.find("refused              3") != std::string::npos);
  CHECK(fakes.gateway.trial.limit().scope() == "team/x");
  CHECK(fakes.gateway.trial.from_unix_ms() > 0);
}

TEST_CASE_METHOD(Fixture, "a key is made, shown once, rotated, listed and ended", "[grpc][program]") {
  const auto made = ctl({"keys", "create", "coder", "--team", "blue", "--model", "small", "--model", "large", "--requests-per-minute", "60", "--queue-time", "10s", "--queue-max", "5",
                         "--expires-in", "24h"});
  CHECK(made.code == 0);
  CHECK(made.out.ends_with("\nsk-swarm-secret\n"));
  CHECK(made.err.find("only time") != std::string::npos);
  CHECK(fakes.gateway.new_key.models_size() == 2);
  CHECK(fakes.gateway.new_key.requests_per_minute() == 60);
  CHECK(fakes.gateway.new_key.queue_time_ms() == 10'000);
  CHECK(fakes.gateway.new_key.queue_max() == 5);
  CHECK(fakes.gateway.new_key.expires_unix_ms() > unix_ms(SystemClock().wall_now()));
  CHECK(ctl({"keys", "create", "coder"}).code == 1);
  CHECK(ctl({"key", "rotate", "coder", "--grace", "5m"}).out.ends_with("\nsk-swarm-rotated\n"));
  CHECK(fakes.gateway.rotation.grace_seconds() == 300);
  CHECK(ctl({"keys", "create", "other"}).code == 0);
  CHECK(ctl({"keys", "revoke", "coder"}).out.find("ended") != std::string::npos);
  CHECK(ctl({"keys", "revoke", "nobody"}).code == 1);
  const auto listed = ctl({"keys", "list"}).out;
  CHECK(listed.find("coder  ended") != std::string::npos);
  CHECK(listed.find("other  active") != std::string::npos);
  CHECK(listed.find("sk-") == std::string::npos);
}

TEST_CASE_METHOD(Fixture, "spend is added up over pages, as a table, CSV and JSON", "[grpc][program]") {
  const auto group = [](llm_gateway::SpendPage& page, const std::string& team, std::int64_t nano, std::uint64_t requests) {
    auto& made = *page.add_groups();
    made.add_values(team);
    made.set_nano_usd(nano);
    made.set_requests(requests);
    made.set_input_tokens(10 * requests);
  };
  llm_gateway::SpendPage first, last;
  group(first, "blue", 1'500'000'000, 2);
  group(first, "a,\"b\"", 1, 1);
  first.set_next_page_token("77");
  group(last, "blue", 500'000'001, 1);
  const std::vector<llm_gateway::SpendPage> pages = {first, last};
  const auto ask = [&](std::vector<std::string> more) {
    fakes.gateway.pages = pages;
    fakes.gateway.spend_queries.clear();
    std::vector<std::string> line = {"spend", "--by", "team"};
    line.insert(line.end(), more.begin(), more.end());
    return ctl(line);
  };
  CHECK(ask({"--csv"}).out ==
        "team,usd,requests,input_tokens,output_tokens,cached_tokens,estimated\n"
        "\"a,\"\"b\"\"\",0.000000001,1,10,0,0,0\nblue,2.000000001,3,30,0,0,0\n");
  CHECK(fakes.gateway.spend_queries[1].page_token() == "77");
  CHECK(ask({"--json"}).out.find("\"nano_usd\":\"2000000001\"") != std::string::npos);
  const auto table = ask({"--from", "2026-01-31", "--to", "2026-02-28"}).out;
  CHECK(table.find("blue   ") < table.find("a,"));
  CHECK(table.find("total") != std::string::npos);
  CHECK(fakes.gateway.spend_queries[0].from_unix_ms() == 1'769'817'600'000);
  CHECK(ctl({"spend", "--by", "colour"}).code == 2);
  CHECK(ctl({"spend", "--from", "2026-02-30"}).code == 2);
  fakes.gateway.pages.clear();
  CHECK(ctl({"spend"}).err.find("nothing was spent") != std::string::npos);
}

TEST_CASE_METHOD(Fixture, "global flags work before and after the command, wrong ones are explained", "[grpc][program]") {
  CHECK(ctl({"--json", "dispatch", "status"}).out == ctl({"dispatch", "status", "--json"}).out);
  CHECK(ctl({"tsks"}).err == "swarmctl: unknown argument tsks; did you mean tasks?; see swarmctl --help\n");
  CHECK(ctl({"tasks", "list", "--stat", "x"}).code == 2);
  CHECK(ctl({"dispatch", "status", "--timeout", "5"}).err.find("is not a duration") != std::string::npos);
  CHECK(ctl({"tasks", "submit", "--help"}).out.find("--depends-on") != std::string::npos);
  CHECK(ctl({"--version"}).out == std::string("swarmctl ") + SWARM_VERSION + "\n");
  CHECK(ctl({"--gateway", "127.0.0.1:0", "version"}).err.find("--gateway: has port 0") != std::string::npos);
  ::setenv("SWARM_CTL_GATEWAY_HTTP", "http://gateway:80", 1);
  const auto bad_variable = ctl({"doctor"});
  ::unsetenv("SWARM_CTL_GATEWAY_HTTP");
  CHECK(bad_variable.code == 2);
  CHECK(bad_variable.err.find("http://gateway:80 (here or in SWARM_CTL_GATEWAY_HTTP)") != std::string::npos);
  std::ostringstream out;
  std::ostringstream err;
  CHECK(run({}, out, err, {}) == 2);
}

TEST_CASE("an address where nothing listens is told with the remedy", "[grpc][program]") {
  std::ostringstream out;
  std::ostringstream err;
  CHECK(run({"tasks", "list", "--orchestrator", "127.0.0.1:1"}, out, err, {}) == 1);
  CHECK(err.str() ==
        "swarmctl: tasks list: can't reach the orchestrator at 127.0.0.1:1 (Connection refused); start "
        "orchestrator-core, or give --orchestrator ADDRESS\n");
  CHECK(out.str() == "");
}

TEST_CASE_METHOD(Fixture, "logs cluster groups a file by template, in a table, as JSON and line by line", "[program]") {
  const swarm::testing::TempDir folder;
  const auto file = (folder.path() / "a.log").string();
  {
    std::ofstream out(file, std::ios::binary);
    for (int i = 0; i < 30; ++i) out << "parcel " << i << " arrived at depot\r\n";
    out << "door \x1b[31mopened";
  }
  const auto table = ctl({"logs", "cluster", file});
  CHECK(table.code == 0);
  CHECK(table.out.find("parcel <*> arrived at depot") != table.out.npos);
  CHECK(table.out.find('\x1b') == table.out.npos);
  CHECK(table.err.find("31 lines, 2 templates") != table.err.npos);
  const auto json = ctl({"logs", "cluster", file, "--json", "--limit", "1"});
  CHECK(json.out.find(R"("lines":31,"templates_found":2,"other_lines":0)") != json.out.npos);
  const auto lines = ctl({"logs", "cluster", file, "--assign"});
  CHECK(std::count(lines.out.begin(), lines.out.end(), '\n') == 31);
  CHECK(ctl({"logs", "cluster", file + "x"}).code == 1);
  CHECK(ctl({"logs", "cluster", "-", "--assign"}).code == 2);
}

TEST_CASE_METHOD(Fixture, "an import goes on after a lost stream, counts each line once and says what it refused", "[grpc][program]") {
  const swarm::testing::TempDir folder;
  const auto file = (folder.path() / "a.jsonl").string();
  {
    std::ofstream out(file, std::ios::binary);
    for (int i = 0; i < 1800; ++i) out << R"({"error_log":"KeyError: 'x'","stack":"python","task_id":"t)" << i % 7 << "\"}\n";
    out << "\nno json\n" << R"({"error_log":""})";
  }
  fakes.analyst.batches_until_loss = 2;
  const auto done = ctl({"failures", "import", file});
  INFO(done.err);
  CHECK(fakes.analyst.events.size() == 1800);
  CHECK(done.out == "1803 lines: 1800 counted, 0 known already, 2 refused; 0 rules made\n");
  CHECK(done.code == 1);
  const auto again = ctl({"failures", "import", file, "--json"});
  CHECK(again.out == "{\"lines\":1803,\"counted\":0,\"repeats\":1800,\"refused\":2,\"rules_made\":0}\n");
  CHECK_FALSE(std::filesystem::exists(file + ".imported"));
  CHECK(ctl({"failures", "import", file + "x"}).code == 2);
}

TEST_CASE_METHOD(Fixture, "a broken-off import is told and noted, and the next one begins there", "[grpc][program]") {
  const swarm::testing::TempDir folder;
  const auto file = (folder.path() / "a.jsonl").string();
  {
    std::ofstream out(file, std::ios::binary);
    for (int i = 0; i < 900; ++i) out << R"({"error_log":"KeyError: 'x'"})" << "\n";
  }
  {
    std::ofstream note(file + ".imported");
    note << 30 * 400 << " 400 400 0 0 0\n";
  }
  const auto done = ctl({"failures", "import", file});
  CHECK(done.err.find("going on after line 400") != done.err.npos);
  CHECK(fakes.analyst.events.size() == 500);
  CHECK(done.out.starts_with("900 lines: 900 counted"));
}

TEST_CASE_METHOD(Fixture, "a rule is shown with its effect and history, approved and retired", "[grpc][program]") {
  auto& rule = fakes.analyst.rules.emplace_back();
  rule.set_rule_id("gr-1");
  rule.set_state("proposed");
  rule.mutable_measured()->set_given_attempts(100);
  rule.mutable_measured()->set_held_attempts(50);
  rule.mutable_measured()->set_held_failures(10);
  rule.mutable_measured()->set_held_difference(.2);
  rule.mutable_measured()->set_held_low(.105);
  rule.mutable_measured()->set_held_high(.331);
  auto& step = *rule.add_history();
  step.set_version(3);
  step.set_reason("threshold reached");
  const auto shown = ctl({"rules", "show", "gr-1"});
  CHECK(shown.out.find("20.0 [10.5, 33.1]") != shown.out.npos);
  CHECK(shown.out.find("threshold reached") != shown.out.npos);
  CHECK(ctl({"rules", "approve", "gr-1", "--reason", "good"}).out == "gr-1  active\n");
  CHECK(ctl({"rules", "list"}).out.find("20.0 [10.5, 33.1]") != std::string::npos);
  CHECK(ctl({"rules", "retire", "gr-1"}).out == "gr-1  retired\n");
  CHECK(ctl({"rules", "show", "gr-2"}).code == 1);
}

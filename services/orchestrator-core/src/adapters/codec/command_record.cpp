#include "adapters/codec/command_record.hpp"

#include "adapters/codec/record.hpp"

// One function each way and kind; the number in front is the kind's, for good.
namespace swarm::orchestrator::codec {
namespace {

enum class Kind : std::uint64_t {
  Register = 1, Poll, AbandonPoll, JoinStream, Credit, LeaveStream, Results, Heartbeat, Submit, Cancel, Delete, Approve, Dispatch,
  Hold, PutSchedule, PauseSchedule, DeleteSchedule, Permissions, Rules, Budgets, Undeliver, Outcomes, Drain, Required, Attach
};

struct Out {
  Writer& w;
  const Redactor& r;

  void kind(Kind k) { w.u64(static_cast<std::uint64_t>(k)); }
  void boot(BootTime t) { w.i64(t.time_since_epoch().count()); }
  void token(LeaseToken t) { w.bits(r.mask(t)); }
  template <class T>
  void record(const T& value) {
    Writer inner;
    encode(inner, value);
    w.text(inner.bytes());
  }
  void profile(const AgentProfile& p) {
    w.text(p.name);
    w.texts(p.capabilities);
    w.texts(p.roles);
    w.texts(p.permissions);
    w.text(p.tenant);
  }

  bool operator()(const RegisterAgent& c) { kind(Kind::Register), w.u64(c.call), profile(c.agent); return true; }
  bool operator()(const PollTask& c) { kind(Kind::Poll), w.u64(c.call), w.text(c.agent), boot(c.until); return true; }
  bool operator()(const AbandonPoll& c) { kind(Kind::AbandonPoll), w.u64(c.call); return true; }
  bool operator()(const JoinStream& c) { kind(Kind::JoinStream), w.u64(c.link), profile(c.agent); return true; }
  bool operator()(const GrantCredit& c) { kind(Kind::Credit), w.u64(c.link), w.i64(c.credit); return true; }
  bool operator()(const LeaveStream& c) { kind(Kind::LeaveStream), w.u64(c.link); return true; }
  bool operator()(const ReportResults& c) {
    kind(Kind::Results), w.u64(c.call), w.u64(c.link), w.u64(c.results.size());
    for (const auto& result : c.results) {
      w.bits(result.task), w.u64(result.token ? 1 : 0), token(result.token.value_or(LeaseToken{}));
      w.u64(result.success ? 1 : 0), w.u64(static_cast<std::uint64_t>(result.failure)), w.fixed(result.digest);
      w.text(r.tag(result.texts->artifact)), w.text(r.tag(result.texts->error_message));
      w.text(r.tag(result.remark)), w.u64(result.artifacts.size());
      for (const auto& ref : result.artifacts) w.text(r.tag(ref.name)), w.text(r.tag(ref.sha256)), w.u64(ref.bytes);
    }
    return true;
  }
  bool operator()(const AttachArtifact& c) {
    kind(Kind::Attach), w.u64(c.call), w.bits(c.task), token(c.token), encode(w, r.without_secrets(c.artifact));
    return true;
  }
  bool operator()(const Heartbeat& c) {
    kind(Kind::Heartbeat), w.u64(c.call), w.u64(c.link), w.text(c.agent), w.u64(c.leases.size());
    for (const auto& sign : c.leases) w.bits(sign.task), token(sign.token);
    return true;
  }
  bool operator()(const SubmitTasks& c) {
    kind(Kind::Submit), w.u64(c.call), w.u64(c.tasks.size());
    for (const auto& task : c.tasks) {
      record(r.without_secrets(task.spec));
      w.u64(task.implied ? 1 : 0), w.i64(task.delay.count()), w.i64(task.deadline.count());
    }
    return true;
  }
  bool operator()(const CancelTask& c) { kind(Kind::Cancel), w.u64(c.call), w.bits(c.task), w.text(r.tag(c.reason)), w.i64(c.grace.count()); return true; }
  bool operator()(const DeleteTasks& c) {
    kind(Kind::Delete), w.u64(c.call), w.u64(c.tasks.size());
    for (const TaskId id : c.tasks) w.bits(id);
    return true;
  }
  bool operator()(const ApproveTask& c) {
    kind(Kind::Approve), w.u64(c.call), w.bits(c.task), w.u64(c.approve ? 1 : 0), w.text(r.tag(c.comment)), w.text(c.by);
    return true;
  }
  bool operator()(const SetDispatch& c) { kind(Kind::Dispatch), w.u64(c.call), record(without_words(c.state)); return true; }
  bool operator()(const SetHold& c) { kind(Kind::Hold), w.u64(c.call), w.u64(c.held ? 1 : 0), record(without_words(c.hold)); return true; }
  bool operator()(const PutSchedule& c) {
    Schedule schedule = c.entry.schedule;
    schedule.task = std::make_shared<TaskSpec>(r.without_secrets(*schedule.task));
    schedule.texts = std::make_shared<InputTexts>();
    kind(Kind::PutSchedule), w.u64(c.call), record(schedule);
    return true;
  }
  bool operator()(const PauseSchedule& c) { kind(Kind::PauseSchedule), w.u64(c.call), w.text(c.name), w.u64(c.paused ? 1 : 0), w.text(r.tag(c.note)); return true; }
  bool operator()(const DeleteSchedule& c) { kind(Kind::DeleteSchedule), w.u64(c.call), w.text(c.name); return true; }
  bool operator()(const PutPermissions& c) { kind(Kind::Permissions), w.text(c.agent), w.texts(c.permissions); return true; }
  bool operator()(const PutRequired& c) {
    const auto all = c.required.all();
    kind(Kind::Required), w.u64(all.size());
    for (const auto& [subject, permissions] : all) w.text(subject), w.texts(permissions);
    return true;
  }
  bool operator()(const PutRules& c) {
    kind(Kind::Rules), w.u64(c.rules.size());
    for (GoldenRule rule : c.rules) rule.text.assign(rule.text.size(), 'x'), rule.must_match.clear(), rule.must_not_match.clear(), record(rule);  // the text's length decides
    return true;
  }
  bool operator()(const PutBudgets& c) {
    kind(Kind::Budgets), w.u64(c.snapshot ? 1 : 0), w.u64(c.news.size());
    for (const auto& news : c.news) w.text(news.scope), w.text(news.window), w.u64(news.dry ? 1 : 0), w.u64(news.refilled ? 1 : 0), w.time(news.resets);
    return true;
  }
  bool operator()(const Undeliver& c) { kind(Kind::Undeliver), w.bits(c.task), token(c.token); return true; }
  bool operator()(const OutcomesDelivered& c) { kind(Kind::Outcomes), w.u64(c.up_to); return true; }
  bool operator()(const BeginDrain&) { kind(Kind::Drain); return true; }
  template <class Question>
  bool operator()(const Question&) { return false; }

  template <class T>
  T without_words(T value) const {
    value.reason = r.tag(value.reason);
    return value;
  }
};

struct In {
  Reader& r;
  const TimeZones& zones;
  bool ok = true;

  bool flag() { return r.u64() != 0; }
  BootTime boot() { return BootTime(BootTime::duration(r.i64())); }
  std::chrono::milliseconds time() { return std::chrono::milliseconds(r.i64()); }
  template <class T>
  T take(std::optional<T> value) {
    ok = ok && value.has_value();
    return value ? std::move(*value) : T();
  }
  AgentProfile profile() {
    AgentProfile p;
    p.name = r.text(), p.capabilities = r.texts(), p.roles = r.texts(), p.permissions = r.texts(), p.tenant = r.text();
    return p;
  }
  ReportResults results() {
    ReportResults c;
    c.call = r.u64(), c.link = r.u64();
    c.results.resize(r.count());
    for (auto& result : c.results) {
      result.task = r.bits<TaskId>();
      const bool with_token = flag();
      const auto token = r.bits<LeaseToken>();
      if (with_token) result.token = token;
      result.success = flag(), result.failure = static_cast<FailureClass>(r.u64()), result.digest = r.fixed();
      auto texts = std::make_shared<ResultTexts>();
      texts->artifact = r.text(), texts->error_message = r.text();
      result.texts = std::move(texts);
      result.remark = r.text();
      result.artifacts.resize(r.count());
      for (auto& ref : result.artifacts) ref.name = r.text(), ref.sha256 = r.text(), ref.bytes = r.u64();
    }
    return c;
  }
  Heartbeat heartbeat() {
    Heartbeat c;
    c.call = r.u64(), c.link = r.u64(), c.agent = r.text();
    c.leases.resize(r.count());
    for (auto& sign : c.leases) sign.task = r.bits<TaskId>(), sign.token = r.bits<LeaseToken>();
    return c;
  }
  SubmitTasks submit() {
    SubmitTasks c;
    c.call = r.u64();
    c.tasks.resize(r.count());
    for (auto& task : c.tasks) {
      task.spec = take(decode_spec(r.text()));
      task.implied = flag(), task.delay = time(), task.deadline = time();
      task.texts = std::make_shared<InputTexts>();
    }
    return c;
  }
  DeleteTasks erase() {
    DeleteTasks c{r.u64(), {}};
    c.tasks.resize(r.count());
    for (auto& id : c.tasks) id = r.bits<TaskId>();
    return c;
  }
  PutSchedule put_schedule() {
    PutSchedule c;
    c.call = r.u64();
    c.entry.schedule = take(decode_schedule(r.text()));
    auto cron = Cron::parse(c.entry.schedule.cron);
    c.entry.zone = zones.find(c.entry.schedule.zone);
    ok = ok && cron && c.entry.zone;
    if (cron) c.entry.cron = cron.value();
    return c;
  }
  PutRules rules() {
    PutRules c;
    c.rules.resize(r.count());
    for (auto& rule : c.rules) rule = take(decode_rule(r.text()));
    return c;
  }
  PutRequired required() {
    RequiredPermissions::BySubject all;
    for (std::size_t n = r.count(); n > 0; --n) {
      auto subject = r.text();
      all.emplace(std::move(subject), r.texts());
    }
    return {RequiredPermissions(all)};
  }
  PutBudgets budgets() {
    PutBudgets c;
    c.snapshot = flag();
    c.news.resize(r.count());
    for (auto& n : c.news) n.scope = r.text(), n.window = r.text(), n.dry = flag(), n.refilled = flag(), n.resets = r.time();
    return c;
  }

  std::optional<Command> command() {
    switch (static_cast<Kind>(r.u64())) {
      case Kind::Register: { RegisterAgent c; c.call = r.u64(), c.agent = profile(); return c; }
      case Kind::Poll: { PollTask c; c.call = r.u64(), c.agent = r.text(), c.until = boot(); return c; }
      case Kind::AbandonPoll: return AbandonPoll{r.u64()};
      case Kind::JoinStream: { JoinStream c; c.link = r.u64(), c.agent = profile(); return c; }
      case Kind::Credit: { GrantCredit c; c.link = r.u64(), c.credit = r.small(); return c; }
      case Kind::LeaveStream: return LeaveStream{r.u64()};
      case Kind::Results: return results();
      case Kind::Heartbeat: return heartbeat();
      case Kind::Submit: return submit();
      case Kind::Cancel: { CancelTask c; c.call = r.u64(), c.task = r.bits<TaskId>(), c.reason = r.text(), c.grace = time(); return c; }
      case Kind::Delete: return erase();
      case Kind::Approve: { ApproveTask c; c.call = r.u64(), c.task = r.bits<TaskId>(), c.approve = flag(), c.comment = r.text(), c.by = r.text(); return c; }
      case Kind::Dispatch: { SetDispatch c; c.call = r.u64(), c.state = take(decode_dispatch(r.text())); return c; }
      case Kind::Hold: { SetHold c; c.call = r.u64(), c.held = flag(), c.hold = take(decode_hold(r.text())); return c; }
      case Kind::PutSchedule: return put_schedule();
      case Kind::PauseSchedule: { PauseSchedule c; c.call = r.u64(), c.name = r.text(), c.paused = flag(), c.note = r.text(); return c; }
      case Kind::DeleteSchedule: { DeleteSchedule c; c.call = r.u64(), c.name = r.text(); return c; }
      case Kind::Permissions: { PutPermissions c; c.agent = r.text(), c.permissions = r.texts(); return c; }
      case Kind::Rules: return rules();
      case Kind::Budgets: return budgets();
      case Kind::Undeliver: { Undeliver c; c.task = r.bits<TaskId>(), c.token = r.bits<LeaseToken>(); return c; }
      case Kind::Outcomes: return OutcomesDelivered{r.u64()};
      case Kind::Drain: return BeginDrain{};
      case Kind::Required: return required();
      case Kind::Attach: { AttachArtifact c; c.call = r.u64(), c.task = r.bits<TaskId>(), c.token = r.bits<LeaseToken>(), c.artifact = read_artifact(r); return c; }
    }
    return std::nullopt;
  }
};

}  // namespace

bool encode(Writer& out, const Command& command, const Redactor& redactor) { return std::visit(Out{out, redactor}, command); }

std::optional<Command> decode_command(std::string_view bytes, const TimeZones& zones) {
  Reader reader(bytes);
  In in{reader, zones};
  auto out = in.command();
  if (!reader.ok() || !in.ok) return std::nullopt;
  return out;
}

}  // namespace swarm::orchestrator::codec

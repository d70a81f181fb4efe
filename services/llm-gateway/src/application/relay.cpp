#include "application/relay.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "application/relay_job.hpp"
#include "libs/http/date.hpp"
#include "libs/telemetry/logging.hpp"

namespace swarm::gateway {
namespace {

std::string model_json(const Catalog& catalog, const Model& model) {
  return R"({"id":")" + model.name + R"(","object":"model","type":"model","display_name":")" + model.name +
         R"(","created":0,"created_at":"1970-01-01T00:00:00Z","owned_by":")" + catalog.upstream(model).name + R"("})";
}

}  // namespace

void append_own_headers(std::string& lines, const Call& call) {
  lines += "x-request-id: ";
  lines += call.request_id;
  lines += "\r\n";
  if (call.dialect != Dialect::Anthropic) return;
  lines += "request-id: ";  // where Anthropic's clients look for it
  lines += call.request_id;
  lines += "\r\n";
}

void append_date(std::string& lines, WallTime now) {
  lines += "date: ";
  lines += http::date(now);
  lines += "\r\n";
}

void append_problem_headers(std::string& lines, const Problem& problem) {
  lines += "content-type: application/json\r\nx-should-retry: ";
  lines += problem.retry ? "true\r\n" : "false\r\n";
  if (problem.retry_after > 0) {
    lines += "retry-after: ";
    lines += std::to_string(problem.retry_after);
    lines += "\r\n";
  }
  if (problem.kind == ProblemKind::Authentication) lines += "www-authenticate: Bearer\r\n";
  lines += problem.headers;
}

boost::asio::awaitable<void> Relay::serve(const Call& call, Answer& answer) {
  if (services_.joint != nullptr && call.head != nullptr) {
    if (const auto key = call.head->find("idempotency-key"); !key.empty()) return serve_once(call, answer, key);
  }
  return RelayJob::run(*this, call, answer);
}

boost::asio::awaitable<void> Relay::serve_once(const Call& call, Answer& answer, std::string_view key) {
  Call known = call;
  known.who = authenticate(call, answer);
  if (known.who == nullptr) {
    co_await refuse(call, answer, unknown_key());
    co_return;
  }
  // The task's token too: who may not name the task must not get what was asked for in its name.
  std::string what(call.path);
  for (const std::string_view part : {call.task, call.task_token}) (what += '\n').append(part);
  const auto name = AnswerCache::key_of(known.who->name, what, key);
  const auto content = AnswerCache::key_of({}, {}, call.body);
  while (true) {
    const auto entered = services_.joint->enter(name, content);
    if (entered.part == JointAnswers::Part::OtherContent) {
      Problem problem;
      problem.code = "idempotency_key_reused";
      problem.message = "another request with this idempotency key is in flight: use a new key for other content";
      co_await refuse(call, answer, std::move(problem));
      co_return;
    }
    if (entered.part == JointAnswers::Part::Leader) {
      LeadingAnswer leading(*services_.joint, name, entered.joint, answer);
      co_await RelayJob::run(*this, known, leading);
      co_return;
    }
    if (co_await follow(call, answer, entered.joint)) co_return;
  }
}

namespace {

/// A caller who gets an answer that was asked for by another; is told until the end of the block that it is watched in.
struct WaitingCaller final : Answer::Hangup {
  WaitingCaller(Answer& a, JointAnswer::Timer& t) : answer(a), timer(t) { answer.watch(this); }
  ~WaitingCaller() { answer.watch(nullptr); }
  WaitingCaller(const WaitingCaller&) = delete;
  WaitingCaller& operator=(const WaitingCaller&) = delete;
  void caller_gone() override {
    gone = true;
    timer.cancel();
  }
  Answer& answer;
  JointAnswer::Timer& timer;
  bool gone = false;
};

}  // namespace

/// False: nothing came of it, and the caller still waits.
boost::asio::awaitable<bool> Relay::follow(const Call& call, Answer& answer, std::shared_ptr<JointAnswer> joint) {
  static constexpr std::chrono::hours kPatience{1};
  static constexpr int kClientGone = 499;
  const auto executor = co_await boost::asio::this_coro::executor;
  const auto timer = std::make_shared<JointAnswer::Timer>(executor);
  JointAnswer::Follower follower(std::move(joint), timer);
  if (!follower.joined()) co_return false;
  services_.probe.joined();
  WaitingCaller caller(answer, *timer);
  int status = 0;  // told to the caller
  bool over = false;
  while (!over && !caller.gone) {
    auto news = follower.next();
    if (!news) {
      timer->expires_after(kPatience);
      const auto [woken] = co_await timer->async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
      if (woken) continue;
      news.emplace().lost = true;
    }
    if (news->lost && status == 0) co_return false;
    over = news->over || news->lost;
    if (news->lost) answer.abort();
    else if (!co_await pass_on(*news, status == 0, answer)) break;
    if (!news->lost) status = news->head->status;
  }
  const auto took = services_.admission.clock().boot_now() - call.begin;
  services_.probe.request(call.surface, over ? status : kClientGone, std::chrono::duration<double>(took).count());
  co_return true;
}

/// False when the caller left.
boost::asio::awaitable<bool> Relay::pass_on(const JointAnswer::Follower::News& news, bool first, Answer& answer) {
  std::string headers;
  if (first) headers = news.head->headers + "x-swarm-joined: true\r\n";
  if (!news.head->stream) co_return co_await answer.whole(news.head->status, headers, news.body);
  if (first && !co_await answer.begin(news.head->status, headers)) co_return false;
  if (!news.body.empty() && !co_await answer.send(news.body)) co_return false;
  if (!news.over) co_return true;
  co_return co_await answer.end();
}

Problem Relay::unknown_key() {
  Problem problem;
  problem.kind = ProblemKind::Authentication;
  problem.message = "unknown or missing API key";
  return problem;
}

void Relay::tell_failure(const Call& call, int status, std::string_view code, std::string_view cause, bool ours) {
  static constexpr std::size_t kCauseMax = 300;
  if (!log::enabled(ours ? log::Level::Warn : log::Level::Info)) return;
  const auto withheld = failure_lines_.take();
  if (!withheld) return;
  const trace::Scope scope(call.trace);
  log::write(ours ? log::Level::Warn : log::Level::Info, "request failed",
             {{"request_id", call.request_id}, {"route", name(call.surface)}, {"status", status}, {"code", code},
              {"cause", cause.substr(0, kCauseMax)}, {"lines_withheld", *withheld}});
}

const Principal* Relay::authenticate(const Call& call, const Answer& answer) {
  const Principal* who = services_.keys.authenticate(call.credential);
  if (who == nullptr) key_refusals_.refused(answer.peer(), call.credential, call.path, services_.admission.clock().boot_now());
  return who;
}

boost::asio::awaitable<void> Relay::refuse(const Call& call, Answer& answer, Problem problem) {
  std::string headers;
  const auto& clock = services_.admission.clock();
  append_own_headers(headers, call);
  append_date(headers, clock.wall_now());
  append_problem_headers(headers, problem);
  const std::string body = codec(call.surface).error_body(problem, call.request_id);
  const int status = http_status(problem);
  tell_failure(call, status, problem.code.empty() ? name(problem.kind) : std::string_view(problem.code), problem.message, status >= 500);
  co_await answer.whole(status, headers, body);
  services_.probe.request(call.surface, status, std::chrono::duration<double>(clock.boot_now() - call.begin).count());
}

boost::asio::awaitable<void> Relay::list_models(const Call& call, Answer& answer) {
  const Principal* who = authenticate(call, answer);
  if (who == nullptr) {
    co_await refuse(call, answer, unknown_key());
    co_return;
  }
  std::string body = R"({"object":"list","data":[)";
  bool first = true;
  for (const Model& model : catalog().models()) {
    if (model.name == "*" || !model.path.empty() || !who->may_use(model.name)) continue;
    if (!first) body += ',';
    first = false;
    body += model_json(catalog(), model);
  }
  body += R"(],"has_more":false})";
  co_await tell_models(call, answer, std::move(body));
}

boost::asio::awaitable<void> Relay::tell_models(const Call& call, Answer& answer, std::string body) {
  std::string headers;
  append_own_headers(headers, call);
  append_date(headers, services_.admission.clock().wall_now());
  headers += "content-type: application/json\r\n";
  co_await answer.whole(200, headers, body);
  services_.probe.request(Surface::Models, 200, 0);
}

boost::asio::awaitable<void> Relay::show_model(const Call& call, Answer& answer, std::string_view id) {
  const Principal* who = authenticate(call, answer);
  const Model* model = catalog().find(id);
  if (who == nullptr) {
    co_await refuse(call, answer, unknown_key());
    co_return;
  }
  // A model that is only reached by "*" has no entry of its own: what the upstream calls it is not known here.
  if (model == nullptr || model->name != id || id == "*" || !who->may_use(id)) {
    Problem problem;
    problem.kind = ProblemKind::NotFound;
    problem.code = "model_not_found";
    problem.message = "the model \"" + std::string(id.substr(0, 200)) + "\" does not exist or this key may not use it";
    co_await refuse(call, answer, std::move(problem));
    co_return;
  }
  std::string body = model_json(catalog(), *model);
  co_await tell_models(call, answer, std::move(body));
}

}  // namespace swarm::gateway

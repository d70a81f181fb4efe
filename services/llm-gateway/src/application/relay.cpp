#include "application/relay.hpp"

#include "application/relay_job.hpp"
#include "libs/telemetry/logging.hpp"

namespace swarm::gateway {
namespace {

Problem unknown_key() {
  Problem problem;
  problem.kind = ProblemKind::Authentication;
  problem.message = "unknown or missing API key";
  return problem;
}

std::string model_json(const Catalog& catalog, const Model& model) {
  return R"({"id":")" + model.name + R"(","object":"model","type":"model","display_name":")" + model.name +
         R"(","created":0,"created_at":"1970-01-01T00:00:00Z","owned_by":")" + catalog.upstream(model).name + R"("})";
}

}  // namespace

void append_own_headers(std::string& lines, const Call& call) {
  lines += "x-request-id: ";
  lines += call.request_id;
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
}

boost::asio::awaitable<void> Relay::serve(const Call& call, Answer& answer) {
  return RelayJob::run(*this, call, answer);
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
  append_own_headers(headers, call);
  append_problem_headers(headers, problem);
  const std::string body = codec(call.surface).error_body(problem, call.request_id);
  const int status = http_status(problem.kind);
  tell_failure(call, status, problem.code.empty() ? name(problem.kind) : std::string_view(problem.code), problem.message, status >= 500);
  co_await answer.whole(status, headers, body);
  const auto& clock = services_.admission.clock();
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
  std::string headers;
  append_own_headers(headers, call);
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
  std::string headers;
  append_own_headers(headers, call);
  headers += "content-type: application/json\r\n";
  const std::string body = model_json(catalog(), *model);
  co_await answer.whole(200, headers, body);
  services_.probe.request(Surface::Models, 200, 0);
}

}  // namespace swarm::gateway

#include "commands/commands.hpp"
#include "commands/command.hpp"
#include "doctor/finding.hpp"
#include "doctor/health.hpp"
#include "doctor/http_get.hpp"
#include "doctor/machine.hpp"
#include "doctor/readiness.hpp"
#include "doctor/smoke.hpp"

namespace swarm::ctl {
namespace {

constexpr std::chrono::milliseconds kCheckTimeMax{3000};

struct Options {
  std::string gateway_http = "127.0.0.1:8080";
  std::string data_dir = "./data";
  bool data_dir_given = false;
  bool smoke = false;
};

class Doctor {
 public:
  Doctor(Session& session, const Options& options)
      : session_(session), options_(options), timeout_(std::min(session.timeout, kCheckTimeMax)) {}

  Findings examine() {
    for (const Peer peer : kPeers) {
      const bool serves = check_grpc(peer);
      check_admin(peer, serves);
    }
    check_http();
    findings_.push_back(check_clock());
    add(check_data_directory(options_.data_dir, options_.data_dir_given));
    return std::move(findings_);
  }

 private:
  void add(Findings more) { findings_.insert(findings_.end(), more.begin(), more.end()); }

  bool check_grpc(Peer peer) {
    const PeerFacts& f = facts(peer);
    const std::string check = "gRPC at " + session_.address(peer);
    const std::string subject(f.name);
    const auto serving = is_serving(session_, peer, timeout_);
    if (serving && serving.value()) {
      findings_.push_back({Verdict::Ok, subject, check, "serving", ""});
      return true;
    }
    if (serving) {
      findings_.push_back({Verdict::Fail, subject, check, "answers, but does not serve",
                           "it is starting or draining; see its readiness and its log"});
      return true;
    }
    CallSite site = session_.site(peer);
    site.timeout = timeout_;
    if (serving.error().code == Code::NotFound) {
      findings_.push_back({Verdict::Fail, subject, check, "another service of the swarm answers there",
                           "correct " + std::string(f.flag) + " or " + std::string(f.variable)});
      return false;
    }
    const bool other = serving.error().code == Code::Unimplemented;
    findings_.push_back({Verdict::Fail, subject, check, explain_briefly(serving.error(), site),
                         other ? "some other gRPC server listens there; correct " + std::string(f.flag)
                               : "start it with ./scripts/dev up or " + std::string(f.program) + ", or give its address by " +
                                     std::string(f.flag) + " or " + std::string(f.variable)});
    return false;
  }

  void check_admin(Peer peer, bool grpc_answers) {
    const PeerFacts& f = facts(peer);
    const std::string check = "admin at " + session_.admin_address(peer);
    const auto answer = http_get("http://" + session_.admin_address(peer) + "/readyz", timeout_);
    const auto now = unix_ms(session_.clock.wall_now());
    const std::string flag(f.admin_flag);
    if (!answer) {
      if (!grpc_answers) return;  // it is not there at all, as was said
      findings_.push_back({Verdict::Warn, std::string(f.name), check, answer.error().message,
                           "give the admin port's address by " + flag + " or " + std::string(f.admin_variable)});
      return;
    }
    const auto report = parse_readiness(answer.value().body);
    if (!report) {
      findings_.push_back({Verdict::Warn, std::string(f.name), check,
                           "HTTP " + std::to_string(answer.value().status) + " without a readiness report",
                           "something else listens there; correct " + flag});
      return;
    }
    add(judge(peer, report.value(), now));
  }

  /// Where the agents' model clients come in.
  void check_http() {
    const std::string check = "HTTP at " + options_.gateway_http;
    const AccessOptions& a = session_.access_options;
    const auto answer = http_get((session_.uses_tls() ? "https://" : "http://") + options_.gateway_http + "/v1/models", timeout_,
                                 {a.ca_file, a.cert_file, a.key_file});
    if (!answer) {
      findings_.push_back({Verdict::Fail, "gateway", check, answer.error().message,
                           "start llm-gateway, or give its HTTP address by --gateway-http"});
      return;
    }
    const int status = answer.value().status;
    const bool fine = status == 200 || status == 401 || status == 403;
    findings_.push_back({fine ? Verdict::Ok : Verdict::Fail, "gateway", check,
                         status == 200 ? "lists its models" : fine ? "wants an API key" : "HTTP " + std::to_string(status),
                         fine ? "" : "see the log of llm-gateway; is it a gateway that listens there?"});
  }

  Session& session_;
  const Options& options_;
  std::chrono::milliseconds timeout_;
  Findings findings_;
};

}  // namespace

void add_doctor(Command program, Session& session) {
  auto o = std::make_shared<Options>();
  const Command app = program.command("doctor", "find out what is wrong with an installation");
  for (const Peer peer : kPeers) {
    const PeerFacts& f = facts(peer);
    app.address(f.admin_flag, f.admin_variable, session.admin_addresses[static_cast<std::size_t>(peer)],
                "admin address of the " + std::string(f.name));
  }
  app.address("--gateway-http", "SWARM_CTL_GATEWAY_HTTP", o->gateway_http, "HTTP address of the gateway");
  const Option data = app.option("--data-dir", o->data_dir, "the services' data, if it is on this machine");
  data.shows_default().type("DIR");
  app.flag("--smoke", o->smoke, "only send work through: a task and back, a failure explained, the spend told; harmless, needs the admin's role");
  app.action([o, data, &session] {
    o->data_dir_given = data.given();
    const Findings findings = o->smoke ? smoke_test(session) : Doctor(session, *o).examine();
    if (session.json) print_json(session.out, findings);
    else print_text(session.out, session.terminal, findings);
    if (has_failed(findings)) session.exit_code = 1;
  });
}

}  // namespace swarm::ctl

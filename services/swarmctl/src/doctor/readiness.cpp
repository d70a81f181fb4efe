#include "doctor/readiness.hpp"

#include <boost/json.hpp>
#include <cstdlib>

#include "explain.hpp"
#include "output/format.hpp"

namespace swarm::ctl {
namespace {

constexpr std::int64_t kSkewWarnMs = 2'000;
constexpr std::int64_t kSkewFailMs = 60'000;

std::string text(const boost::json::object& from, std::string_view key) {
  const auto* value = from.if_contains({key.data(), key.size()});
  return value != nullptr && value->is_string() ? std::string(value->as_string()) : "";
}

bool flag(const boost::json::object& from, std::string_view key) {
  const auto* value = from.if_contains({key.data(), key.size()});
  return value != nullptr && value->is_bool() && value->as_bool();
}

std::string remedy(Peer peer, const ReadinessReport::Check& check) {
  for (const Peer other : kPeers) {
    if (check.name != facts(other).name) continue;
    return "start " + std::string(facts(other).program) + ", or correct " + check.name + ".address in the settings of " +
           std::string(facts(peer).program);
  }
  if (peer == Peer::Gateway && check.name == "models") {
    return "set upstreams and models in the settings of llm-gateway; services/llm-gateway/README.md shows how";
  }
  return "see the log of " + std::string(facts(peer).program);
}

Finding judge_readiness(Peer peer, const ReadinessReport& report) {
  Finding out{Verdict::Ok, std::string(facts(peer).name), "readiness", "ready", ""};
  if (report.draining) {
    out.verdict = Verdict::Warn;
    out.detail = "draining: it finishes its work and takes nothing new";
    out.remedy = "wait until it has stopped, then start it again";
  } else if (!report.ready) {
    out.verdict = Verdict::Fail;
    out.detail = "not ready";
    out.remedy = "see the checks below and the log of " + std::string(facts(peer).program);
  }
  return out;
}

Finding judge_clock(Peer peer, std::int64_t skew_ms) {
  const std::int64_t size = std::abs(skew_ms);
  Finding out{Verdict::Ok, std::string(facts(peer).name), "clock", "agrees with this machine", ""};
  if (size <= kSkewWarnMs) return out;
  out.verdict = size > kSkewFailMs ? Verdict::Fail : Verdict::Warn;
  out.detail = duration(std::chrono::milliseconds(size)) + (skew_ms > 0 ? " ahead of" : " behind") + " this machine";
  out.remedy = "synchronise both clocks (NTP): tokens, deadlines and budget windows depend on it";
  return out;
}

/// How long something has been failing is worth more than the cause alone.
std::string wording(const std::string& detail) { return detail.starts_with("failing for ") ? detail : short_cause(detail); }

}  // namespace

Result<ReadinessReport> parse_readiness(const std::string& json) {
  boost::json::error_code error;
  const auto value = boost::json::parse(json, error);
  const auto* root = error ? nullptr : value.if_object();
  if (root == nullptr || !root->contains("ready")) {
    return Error{Code::InvalidArgument, "no readiness report"};
  }
  ReadinessReport out;
  out.ready = flag(*root, "ready");
  out.draining = flag(*root, "draining");
  out.version = text(*root, "version");
  if (const auto* now = root->if_contains("now_unix_ms"); now != nullptr && now->is_int64()) {
    out.now_unix_ms = now->as_int64();
  }
  const auto* checks = root->if_contains("checks");
  if (checks == nullptr || !checks->is_array()) return out;
  for (const auto& item : checks->as_array()) {
    if (const auto* check = item.if_object()) {
      out.checks.push_back({text(*check, "name"), flag(*check, "ok"), flag(*check, "required"), text(*check, "detail")});
    }
  }
  return out;
}

Findings judge(Peer peer, const ReadinessReport& report, std::int64_t local_unix_ms) {
  const std::string subject(facts(peer).name);
  Findings out = {judge_readiness(peer, report)};
  for (const auto& check : report.checks) {
    const Verdict verdict = check.ok ? Verdict::Ok : check.required ? Verdict::Fail : Verdict::Warn;
    const std::string detail = check.detail.empty() ? (check.ok ? "ok" : "not ok") : wording(check.detail);
    out.push_back({verdict, subject, "→ " + check.name, detail, check.ok ? "" : remedy(peer, check)});
  }
  if (!report.version.empty() && report.version != SWARM_VERSION) {
    out.push_back({Verdict::Warn, subject, "version", report.version + ", swarmctl is " + SWARM_VERSION,
                   "install the same version of all programs"});
  }
  if (report.now_unix_ms != 0) out.push_back(judge_clock(peer, report.now_unix_ms - local_unix_ms));
  return out;
}

}  // namespace swarm::ctl

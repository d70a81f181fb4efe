#include "adapters/turtle/turtle_sink.hpp"

#include <cstring>
#include <fstream>
#include <map>

#include "libs/knowledge/vocabulary.hpp"

namespace swarm::analyst::adapters {

namespace {

constexpr std::size_t kProposalFilesMax = 100;

std::string subject_of(const domain::GoldenRule& rule) { return knowledge::stack_iri(rule.stack.empty() ? rule.role : rule.stack); }

// Letters, digits, '-' and '_' only: a stack's name comes from outside.
std::string file_name(const domain::GoldenRule& rule) {
  std::string name;
  for (const char c : rule.stack.empty() ? rule.role : rule.stack)
    name += std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_' ? c : '_';
  return (name.empty() ? std::string("any") : name) + ".ttl";
}

Result<void> replace(const std::filesystem::path& file, const std::string& content) {
  const auto fresh = std::filesystem::path(file).concat(".new");
  {
    std::ofstream out(fresh, std::ios::binary | std::ios::trunc);
    out << content;
    if (!out.flush()) return Error{Code::Unavailable, "cannot write " + fresh.string() + ": " + std::strerror(errno)};
  }
  std::error_code failed;
  std::filesystem::rename(fresh, file, failed);
  if (failed) return Error{Code::Unavailable, "cannot replace " + file.string() + ": " + failed.message()};
  return outcome::success();
}

}  // namespace

std::string turtle_literal(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    switch (c) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      default: out += c;
    }
  }
  return out + '"';
}

namespace {

// A node of its own: patterns are the rule's, not its stack's.
std::string checks_of(const domain::GoldenRule& rule) {
  if (rule.must_not_match.empty() && rule.must_match.empty()) return {};
  std::string out = "swarm:" + rule.id + " a swarm:GoldenRule ;\n    swarm:constrains <" + subject_of(rule) + "> ;\n    nist:HardConstraint " + turtle_literal(rule.text);
  if (!rule.must_not_match.empty()) out += " ;\n    swarm:mustNotMatch " + turtle_literal(rule.must_not_match);
  if (!rule.must_match.empty()) out += " ;\n    swarm:mustMatch " + turtle_literal(rule.must_match);
  return out + " .\n";
}

}  // namespace

Result<void> TurtleSink::publish(const std::vector<domain::GoldenRule>& rules) {
  std::error_code failed;
  std::filesystem::create_directories(directory_, failed);
  if (failed) return Error{Code::Unavailable, "cannot create " + directory_.string() + ": " + failed.message()};
  std::map<std::string, std::string> files;
  for (const auto& rule : rules) {
    auto& content = files[file_name(rule)];
    if (rule.state != domain::RuleState::Active) continue;
    content += "<" + subject_of(rule) + "> nist:HardConstraint " + turtle_literal(rule.text) + " .\n" + checks_of(rule);
  }
  for (const auto& [name, content] : files) {
    BOOST_OUTCOME_TRY(replace(directory_ / name, "@prefix nist: <http://nist.gov/caisi/> .\n@prefix swarm: <http://swarm.os/ontology/> .\n\n" + content));
  }
  return publish_proposals(rules);
}

// What is proposed to the ontology waits in files of its own, which nothing reads but people.
Result<void> TurtleSink::publish_proposals(const std::vector<domain::GoldenRule>& rules) {
  const auto folder = directory_ / "proposals";
  std::size_t files = 0;
  for (const auto& rule : rules) {
    if (rule.schema_proposal.empty()) continue;
    std::error_code failed;
    const auto file = folder / (rule.id + ".ttl");
    if (rule.state == domain::RuleState::Retired || ++files > kProposalFilesMax) {
      std::filesystem::remove(file, failed);
      continue;
    }
    std::filesystem::create_directories(folder, failed);
    BOOST_OUTCOME_TRY(replace(file, rule.schema_proposal));
  }
  return outcome::success();
}

}  // namespace swarm::analyst::adapters

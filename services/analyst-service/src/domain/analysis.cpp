#include "domain/analysis.hpp"

#include "domain/frames.hpp"
#include "domain/text_class.hpp"

namespace swarm::analyst::domain {

namespace {

// `KeyError: <*>` is the same for a missing setting and a missing row: then the function that raised it tells them apart.
bool says_nothing(std::string_view cause) {
  const std::size_t colon = cause.find(':');
  if (colon == std::string_view::npos) return names_fault(cause);
  if (!names_fault(cause.substr(0, colon))) return false;
  for (std::size_t at = colon + 1; at < cause.size(); ++at) {
    if (cause.substr(at).starts_with("<*>") || cause.substr(at).starts_with("<n>")) at += 2;
    else if (is_word(cause[at])) return false;
  }
  return true;
}

// What a test found and what broke the program are two faults. Otherwise the same words are the same fault, also where
// the frames are missing that would tell the tool.
std::string_view setting(Family family) { return family == Family::Pytest || family == Family::Jest ? name(family) : std::string_view(); }

}  // namespace

std::string_view Analyzer::masked(std::string_view line, std::string& buffer) {
  std::vector<std::string_view> used;
  if (!rules_->mask(line, buffer, used)) return line;
  for (const auto name : used) applied_.push_back("mask " + std::string(name));
  return buffer;
}

void Analyzer::apply_fingerprint(const FailureText& failure, const Cause& cause, Analysis& result) {
  const auto* rule = rules_->find(failure.stack, failure.role, name(cause.family), cause.head, result.cause, fingerprint_);
  if (rule == nullptr) return;
  applied_.push_back("fingerprint " + rule->name);
  if (fingerprint_.size() > Masker::kTextMax) fingerprint_.resize(Masker::kTextMax);
  result.cause = fingerprint_;
  result.kind = Digest().add(failure.role).add(failure.stack).add("fingerprint").add(result.cause).id();
}

Analysis Analyzer::analyse(const FailureText& failure) {
  lines_.read(failure.log);
  const auto lines = lines_.lines();
  marks_.clear();
  for (const auto line : lines) marks_.push_back(mark(line));
  const Cause cause = find_cause(lines, marks_, failure.stack);
  const Place place = find_place(lines, marks_);

  masker_.clear();
  Cause shown = cause;
  if (rules_) {
    applied_.clear();
    shown.head = masked(cause.head, head_);
    shown.detail = masked(cause.detail, detail_);
    shown.root = masked(cause.root, root_);
    if (shown.head.data() != cause.head.data()) shown.subject = {};  // pointed into the line as it was
  }
  masker_.append(shown.head, shown.subject);
  if (!shown.detail.empty()) masker_.append(shown.detail);
  if (!shown.root.empty()) masker_.append(shown.root);
  if (!place.raiser.empty() && says_nothing(masker_.text())) masker_.append_verbatim(place.raiser);

  Analysis result;
  result.family = cause.family;
  result.cause = masker_.text();
  result.sample = cause.head;
  result.kind = Digest().add(failure.role).add(failure.stack).add(setting(cause.family)).add(result.cause).id();
  if (rules_) apply_fingerprint(failure, cause, result);
  if (place.functions > 0) {
    result.place = Digest(place.frames).add(result.kind.high).id();
  } else if (place.files > 0 || masker_.subject_count() > 0) {
    result.place = Digest(place.frames).add(result.kind.high).add(masker_.subjects().high).id();
  }
  return result;
}

}  // namespace swarm::analyst::domain

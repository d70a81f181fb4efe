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

}  // namespace

Analysis Analyzer::analyse(const FailureText& failure) {
  lines_.read(failure.log);
  const auto lines = lines_.lines();
  marks_.clear();
  for (const auto line : lines) marks_.push_back(mark(line));
  const Cause cause = find_cause(lines, marks_, failure.stack);
  const Place place = find_place(lines, marks_);

  masker_.clear();
  masker_.append(cause.head, cause.subject);
  if (!cause.detail.empty()) masker_.append(cause.detail);
  if (!cause.root.empty()) masker_.append(cause.root);
  if (!place.raiser.empty() && says_nothing(masker_.text())) masker_.append_verbatim(place.raiser);

  Analysis result;
  result.family = cause.family;
  result.cause = masker_.text();
  result.sample = cause.head;
  result.kind = Digest().add(failure.role).add(failure.stack).add(name(cause.family)).add(result.cause).id();
  if (place.functions > 0) {
    result.place = Digest(place.frames).add(result.kind.high).id();
  } else if (place.files > 0 || masker_.subject_count() > 0) {
    result.place = Digest(place.frames).add(result.kind.high).add(masker_.subjects().high).id();
  }
  return result;
}

}  // namespace swarm::analyst::domain

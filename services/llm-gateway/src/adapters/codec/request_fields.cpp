#include "adapters/codec/request_fields.hpp"

#include <algorithm>
#include <utility>

#include "adapters/codec/json_check.hpp"

namespace swarm::gateway {
namespace sj = simdjson;
namespace od = simdjson::ondemand;
namespace {

constexpr std::uint64_t kTokensMax = 100'000'000;
// Chat templates put a few tokens around each message that no byte of the text stands for.
constexpr std::uint64_t kTemplateTokens = 64;
// Providers tell the model about tools in words of their own: some hundreds of tokens once, and more for each that they describe.
constexpr std::uint64_t kToolsTokens = 600;
constexpr std::uint64_t kDescribedToolTokens = 1'000;
// Described by the provider and run by its caller. Whatever else is no function is run by the provider.
constexpr std::array<std::string_view, 6> kDescribedTools = {"bash", "text_editor", "computer", "memory", "local_shell", "apply_patch"};

Error invalid(std::string message) { return Error{Code::InvalidArgument, std::move(message)}; }

/// The value's text in the body, without the blanks behind it.
std::string_view raw(od::value& value) {
  std::string_view token = value.raw_json_token();
  while (!token.empty() && (token.back() == ' ' || token.back() == '\n' || token.back() == '\r' || token.back() == '\t')) {
    token.remove_suffix(1);
  }
  return token;
}

/// One pass over a request; holds what several fields decide together.
class Scanner {
 public:
  Scanner(std::string_view body, const RequestFields& fields) : body_(body), fields_(fields) {}

  Result<RequestScan> run(od::parser& parser, std::size_t capacity) {
    od::document document;
    od::object root;
    if (parser.iterate(padded(body_, capacity)).get(document) != sj::SUCCESS || document.get_object().get(root) != sj::SUCCESS) {
      return invalid("the body is not a JSON object in UTF-8");
    }
    for (auto field : root) {
      std::string_view key;
      od::value value;
      if (field.unescaped_key().get(key) != sj::SUCCESS || field.value().get(value) != sj::SUCCESS) {
        return invalid("the body is not valid JSON");
      }
      BOOST_OUTCOME_TRYV(take(key, value));
    }
    if (!is_json_object(document)) return invalid("the body is not valid JSON");
    return finish();
  }

 private:
  enum Seen : unsigned { kModel = 1, kStream = 2, kLimit = 4, kChoices = 8, kOptions = 16, kTemperature = 32 };

  Result<void> once(Seen what, std::string_view key) {
    if ((seen_ & what) != 0) return invalid("\"" + std::string(key) + "\" is given twice");
    seen_ |= what;
    return outcome::success();
  }

  Result<void> take(std::string_view key, od::value& value) {
    if (key == "model") return take_model(value);
    if (key == "stream") {
      BOOST_OUTCOME_TRYV(once(kStream, key));
      bool stream = false;
      if (!is_null(value) && value.get_bool().get(stream) != sj::SUCCESS) return invalid("\"stream\" must be true or false");
      scan_.stream = stream;
    } else if (key == fields_.output_limit || (!fields_.output_limit_other.empty() && key == fields_.output_limit_other)) {
      return take_limit(key, value);
    } else if (!fields_.choices.empty() && key == fields_.choices) {
      BOOST_OUTCOME_TRYV(once(kChoices, key));
      if (value.get_uint64().get(choices_) != sj::SUCCESS) choices_ = 1;
    } else if (fields_.asks_stream_usage && key == "stream_options") {
      return take_options(value);
    } else if (key == "temperature") {
      double temperature = 1;
      scan_.repeatable = value.get_double().get(temperature) == sj::SUCCESS && temperature == 0 && (seen_ & kTemperature) == 0;
      seen_ |= kTemperature;
    } else if (key == fields_.messages) {
      take_messages(value);
    } else if (key == fields_.tools) {
      take_tools(value);
    } else if (key == fields_.provider_tool) {
      if (says_something(value)) bound_at_least(PromptBound::None);
    } else if (std::find(fields_.kept.begin(), fields_.kept.end(), key) != fields_.kept.end()) {
      if (says_something(value)) bound_at_least(PromptBound::Context);
    }
    return outcome::success();
  }

  void bound_at_least(PromptBound bound) { scan_.size.bound = std::max(scan_.size.bound, bound); }

  /// Neither null nor an empty list.
  static bool says_something(od::value& value) {
    const std::string_view text = value.raw_json_token();
    if (text.starts_with("null")) return false;
    od::json_type type;
    bool empty = false;
    if (value.type().get(type) == sj::SUCCESS && type == od::json_type::array) {
      od::array list;
      return value.get_array().get(list) != sj::SUCCESS || list.is_empty().get(empty) != sj::SUCCESS || !empty;
    }
    return true;
  }

  void take_tools(od::value& value) {
    od::array tools;
    if (value.get_array().get(tools) != sj::SUCCESS) return;
    std::uint64_t told = kToolsTokens;
    for (auto tool : tools) {
      scan_.size.unseen_tokens += std::exchange(told, 0);
      od::object object;
      std::string_view type;
      if (tool.get_object().get(object) != sj::SUCCESS) return;
      if (object.find_field_unordered("type").get_string().get(type) != sj::SUCCESS || type == "function" || type == "custom") continue;
      const bool described = std::any_of(kDescribedTools.begin(), kDescribedTools.end(), [&](std::string_view name) { return type.starts_with(name); });
      if (described) scan_.size.unseen_tokens += kDescribedToolTokens;
      else bound_at_least(PromptBound::None);
    }
  }

  Result<void> take_model(od::value& value) {
    BOOST_OUTCOME_TRYV(once(kModel, "model"));
    const std::string_view token = raw(value);
    std::string_view model;
    if (value.get_string().get(model) != sj::SUCCESS || model.empty()) return invalid("\"model\" must be a text");
    scan_.model = model;
    scan_.model_at = static_cast<std::size_t>(token.data() - body_.data());
    scan_.model_length = token.size();
    return outcome::success();
  }

  Result<void> take_limit(std::string_view key, od::value& value) {
    // Both spellings at once: the larger one bounds what the upstream may make of them.
    if (is_null(value)) return outcome::success();
    std::uint64_t limit = 0;
    if (value.get_uint64().get(limit) != sj::SUCCESS) return invalid("\"" + std::string(key) + "\" must be a positive whole number");
    if (limit == 0) return invalid("\"" + std::string(key) + "\" must be a positive whole number");
    scan_.size.output_tokens_max = std::max(scan_.size.output_tokens_max, std::min(limit, kTokensMax));
    return outcome::success();
  }

  Result<void> take_options(od::value& value) {
    BOOST_OUTCOME_TRYV(once(kOptions, "stream_options"));
    if (is_null(value)) return invalid("\"stream_options\" must be an object where it is given");
    const std::string_view token = raw(value);
    od::object options;
    if (value.get_object().get(options) != sj::SUCCESS) return invalid("\"stream_options\" must be an object");
    options_at_ = static_cast<std::size_t>(token.data() - body_.data()) + 1;
    options_empty_ = true;
    for (auto field : options) {
      options_empty_ = false;
      std::string_view key;
      bool wanted = false;
      if (field.unescaped_key().get(key) != sj::SUCCESS) return invalid("the body is not valid JSON");
      if (key != "include_usage") continue;
      od::value flag;
      if (field.value().get(flag) != sj::SUCCESS) return invalid("the body is not valid JSON");
      const std::string_view text = raw(flag);
      if (flag.get_bool().get(wanted) != sj::SUCCESS) return invalid("\"include_usage\" must be true or false");
      include_at_ = static_cast<std::size_t>(text.data() - body_.data());
      include_ = wanted;
    }
    return outcome::success();
  }

  void take_messages(od::value& value) {
    od::array messages;
    if (value.get_array().get(messages) != sj::SUCCESS) return;
    for (auto message : messages) {
      od::object object;
      od::array parts;
      if (message.get_object().get(object) != sj::SUCCESS) return;
      std::string_view type;
      if (fields_.refers_to_items && object.find_field_unordered("type").get_string().get(type) == sj::SUCCESS && type == "item_reference") {
        bound_at_least(PromptBound::Context);
      }
      if (object.find_field_unordered("content").get_array().get(parts) != sj::SUCCESS) continue;
      for (auto part : parts) {
        od::object item;
        if (part.get_object().get(item) != sj::SUCCESS) return;
        take_part(item);
      }
    }
  }

  /// Images cost a flat number of tokens, and their bytes say nothing.
  void take_part(od::object& part) {
    std::string_view type;
    if (part.find_field_unordered("type").get_string().get(type) != sj::SUCCESS) return;
    if (type == "document" || type == "file" || type == "input_file" || type == "container_upload") return take_file(part, type);
    if (type != "image_url" && type != "input_image" && type != "image") return;
    scan_.size.flat_tokens += fields_.image_tokens;
    od::value holder;
    if (type == "image") {
      if (part.find_field_unordered("source").get(holder) == sj::SUCCESS) skip_text(holder, "data");
    } else if (part.find_field_unordered("image_url").get(holder) == sj::SUCCESS) {
      skip_text(holder, "url");
    }
  }

  /// A file that came along is bounded by its bytes; one that the provider fetches or keeps is not.
  void take_file(od::object& part, std::string_view type) {
    od::object holder;
    if (refers(part)) return bound_at_least(PromptBound::Context);
    const auto held = part.find_field_unordered(type == "document" ? "source" : "file").get_object().get(holder);
    if (held == sj::SUCCESS && refers(holder)) bound_at_least(PromptBound::Context);
  }

  static bool refers(od::object& to) {
    od::value what;
    for (const char* key : {"file_id", "file_url", "url"}) {
      if (to.find_field_unordered(key).get(what) == sj::SUCCESS) return true;
    }
    return false;
  }

  void skip_text(od::value& holder, std::string_view key) {
    od::json_type type;
    if (holder.type().get(type) != sj::SUCCESS) return;
    if (type == od::json_type::string) {
      skipped_ += raw(holder).size();
      return;
    }
    od::object object;
    od::value text;
    if (type != od::json_type::object || holder.get_object().get(object) != sj::SUCCESS) return;
    if (object.find_field_unordered(key).get(text) == sj::SUCCESS) skipped_ += raw(text).size();
  }

  static bool is_null(od::value& value) {
    od::json_type type;
    return value.type().get(type) == sj::SUCCESS && type == od::json_type::null;
  }

  Result<RequestScan> finish() {
    if ((seen_ & kModel) == 0) return invalid("\"model\" is missing");
    scan_.size.text_bytes = body_.size() - std::min<std::uint64_t>(skipped_, body_.size());
    scan_.size.unseen_tokens += kTemplateTokens;
    scan_.size.choices = fields_.output_free ? 0 : std::clamp<std::uint64_t>(choices_, 1, 1000);
    scan_.wants_usage = !fields_.asks_stream_usage || !scan_.stream || include_;
    if (scan_.wants_usage) return scan_;
    if (include_at_ > 0) {
      scan_.insert_at = include_at_;
      scan_.insert_over = std::string_view("false").size();
      scan_.insert = "true";
    } else if (options_at_ > 0) {
      scan_.insert_at = options_at_;
      scan_.insert = options_empty_ ? R"("include_usage":true)" : R"("include_usage":true,)";
    } else {
      scan_.insert_at = body_.find('{') + 1;
      scan_.insert = R"("stream_options":{"include_usage":true},)";
    }
    return scan_;
  }

  std::string_view body_;
  const RequestFields& fields_;
  RequestScan scan_;
  unsigned seen_ = 0;
  std::uint64_t choices_ = 1;
  std::uint64_t skipped_ = 0;
  std::size_t options_at_ = 0;
  bool options_empty_ = false;
  std::size_t include_at_ = 0;
  bool include_ = false;
};

}  // namespace

Result<RequestScan> scan_request(od::parser& parser, std::string_view body, std::size_t capacity,
                                 const RequestFields& fields) {
  return Scanner(body, fields).run(parser, capacity);
}

}  // namespace swarm::gateway

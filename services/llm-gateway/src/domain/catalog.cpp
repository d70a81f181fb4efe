#include "domain/catalog.hpp"

#include <algorithm>

namespace swarm::gateway {

std::string_view name(Dialect dialect) { return dialect == Dialect::OpenAi ? "openai" : "anthropic"; }

std::string_view name(PriceSource source) {
  switch (source) {
    case PriceSource::None: return "none";
    case PriceSource::Listed: return "listed";
    case PriceSource::Fallback: return "fallback";
    case PriceSource::Free: return "free";
  }
  return "unknown";
}

bool same_endpoint(const Upstream& a, const Upstream& b) {
  return a.name == b.name && a.dialect == b.dialect && a.tls == b.tls && a.host == b.host && a.port == b.port &&
         a.path_prefix == b.path_prefix && a.ca_file == b.ca_file && a.http2 == b.http2 && a.proxy == b.proxy && a.headers == b.headers && a.api_key.reveal() == b.api_key.reveal();
}

Catalog::Catalog(std::vector<Upstream> upstreams, std::vector<Model> models, const Catalog* before)
    : upstreams_(std::move(upstreams)), models_(std::move(models)), next_learnt_id_(before != nullptr ? before->next_learnt_id_ : 0) {
  for (std::size_t i = 0; i < models_.size(); ++i) {
    Model& model = models_[i];
    if (model.targets.empty()) model.targets.push_back({model.upstream, model.upstream_model, 1, 0});
    const auto known = before == nullptr ? nullptr : before->named(model.name);
    model.learnt_id = known != nullptr ? known->learnt_id : next_learnt_id_++;
    if (!model.path.empty()) continue;
    by_name_.emplace(models_[i].name, i);
    if (models_[i].name == "*") any_ = &models_[i];
  }
}

const Model* Catalog::named(std::string_view name) const {
  const auto found = std::find_if(models_.begin(), models_.end(), [&](const Model& model) { return model.name == name; });
  return found == models_.end() ? nullptr : &*found;
}

const Model* Catalog::find(std::string_view model) const {
  const auto found = by_name_.find(model);
  return found == by_name_.end() ? any_ : &models_[found->second];
}

namespace {

/// Only what every server reads in the same way.
bool plain_path(std::string_view path) {
  for (const char c : path) {
    if (c <= ' ' || c >= 0x7f || c == '\\' || c == '%' || c == ';') return false;
  }
  return path.find("//") == std::string_view::npos && path.find("/.") == std::string_view::npos;
}

}  // namespace

const Model* Catalog::route(std::string_view path) const {
  const Model* best = nullptr;
  if (!plain_path(path)) return best;
  for (const Model& model : models_) {
    if (model.path.empty() || !path.starts_with(model.path)) continue;
    if (path.size() > model.path.size() && path[model.path.size()] != '/') continue;
    if (best == nullptr || model.path.size() > best->path.size()) best = &model;
  }
  return best;
}

std::string_view provider_of(std::string_view host, Dialect dialect) {
  static constexpr std::pair<std::string_view, std::string_view> kKnown[] = {
      {"api.openai.com", "openai"},          {".openai.azure.com", "azure.ai.openai"},     {".services.ai.azure.com", "azure.ai.inference"},
      {"api.anthropic.com", "anthropic"},    {".amazonaws.com", "aws.bedrock"},            {"generativelanguage.googleapis.com", "gcp.gemini"},
      {"aiplatform.googleapis.com", "gcp.vertex_ai"}, {"api.mistral.ai", "mistral_ai"},    {"api.groq.com", "groq"},
      {"api.deepseek.com", "deepseek"},      {"api.perplexity.ai", "perplexity"},          {"api.x.ai", "x_ai"},
      {"api.cohere.com", "cohere"},          {".ml.cloud.ibm.com", "ibm.watsonx.ai"}};
  for (const auto& [end, provider] : kKnown) {
    if (host.ends_with(end)) return provider;
  }
  return name(dialect);
}

Result<void> set_base_url(Upstream& upstream, std::string_view url) {
  const auto wrong = [&](std::string_view why) {
    return Error{Code::InvalidArgument, "not a base URL: \"" + std::string(url) + "\" (" + std::string(why) + ")"};
  };
  std::string_view rest = url;
  if (rest.starts_with("https://")) {
    upstream.tls = true;
    rest.remove_prefix(8);
  } else if (rest.starts_with("http://")) {
    upstream.tls = false;
    rest.remove_prefix(7);
  } else {
    return wrong("it must begin with http:// or https://");
  }
  for (const char c : rest) {
    if (c <= ' ' || c == 0x7f || c == '?' || c == '#' || c == '@') return wrong("unexpected character");
  }
  const std::size_t slash = rest.find('/');
  std::string_view authority = rest.substr(0, slash);
  std::string_view path = slash == std::string_view::npos ? std::string_view() : rest.substr(slash);
  while (path.ends_with('/')) path.remove_suffix(1);
  if (path.ends_with("/v1")) path.remove_suffix(3);
  upstream.path_prefix = path;
  const std::size_t bracket = authority.rfind(']');
  const std::size_t colon = authority.rfind(':');
  const bool has_port = colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket);
  upstream.port = has_port ? std::string(authority.substr(colon + 1)) : (upstream.tls ? "443" : "80");
  std::string_view host = has_port ? authority.substr(0, colon) : authority;
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  upstream.host = host;
  if (host.empty()) return wrong("no host");
  if (upstream.port.empty() || upstream.port.size() > 5 ||
      upstream.port.find_first_not_of("0123456789") != std::string::npos) {
    return wrong("bad port");
  }
  return outcome::success();
}

}  // namespace swarm::gateway

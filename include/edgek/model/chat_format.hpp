#ifndef EDGEK_MODEL_CHAT_FORMAT_HPP_
#define EDGEK_MODEL_CHAT_FORMAT_HPP_

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "edgek/model/chat_template.hpp"
#include "edgek/model/gguf.hpp"
#include "edgek/model/tokenizer.hpp"

namespace edgek {

/// One turn of a conversation.
struct ChatMessage {
  std::string role;  ///< "system", "user" or "assistant"
  std::string content;
};

/// How a model wants a conversation written, recognized from the template in its file. Renders what
/// the template itself renders, for conversations of plain messages (no tools, no images).
class ChatFormat {
 public:
  enum class Kind {
    kNone,    ///< no template, or one of neither kind
    kChatMl,  ///< <|im_start|>role ... <|im_end|>
    kLlama3,  ///< <|start_header_id|>role<|end_header_id|> ... <|eot_id|>
  };

  ChatFormat(const GgufReader& file, const Tokenizer& tokenizer)
      : file_(file.file()), source_(file.string_or("tokenizer.chat_template", "")) {
    const detail::ChatTemplate source(source_);
    kind_ = source.is_llama3() ? Kind::kLlama3 : source.is_chatml() ? Kind::kChatMl : Kind::kNone;
    trims_ = source.trims_content();
    const TokenId bos = tokenizer.vocabulary().bos();
    if (source.writes_bos() && bos != kNoToken) bos_ = tokenizer.piece(bos);
    if (kind_ == Kind::kChatMl) default_system_ = source.default_system();
    if (kind_ == Kind::kLlama3) preface_ = date_preface(source);
  }

  Kind kind() const noexcept { return kind_; }
  bool is_known() const noexcept { return kind_ != Kind::kNone; }
  std::string_view name() const noexcept {
    return kind_ == Kind::kChatMl ? "chatml" : kind_ == Kind::kLlama3 ? "llama3" : "none";
  }
  /// The system prompt used where a conversation brings none; nothing if the template has none.
  const std::optional<std::string>& default_system() const noexcept { return default_system_; }

  /// The conversation as text. `begin_answer`: the head of an assistant's turn follows, for the model
  /// to go on from. Only what the template writes parses control tokens, never a role or a content.
  /// Tokenize with add_special = false: a BOS is written here if the template writes one.
  /// Throws edgek::Error, naming the known formats, if the kind is kNone.
  std::vector<TextSegment> render(std::span<const ChatMessage> messages, bool begin_answer) const {
    require_known();
    std::vector<TextSegment> out;
    if (!messages.empty()) out.push_back({bos_, true});
    if (kind_ == Kind::kLlama3)
      render_llama3(messages, begin_answer, out);
    else
      render_chatml(messages, begin_answer, out);
    return out;
  }

  /// The ids of render().
  std::vector<TokenId> tokenize(const Tokenizer& tokenizer, std::span<const ChatMessage> messages,
                                bool begin_answer) const {
    return tokenizer.tokenize(render(messages, begin_answer), false);
  }

  /// Throws edgek::Error, naming the known formats, if the kind is kNone.
  void require_known() const {
    if (is_known()) return;
    throw Error(file_, "tokenizer.chat_template", source_.empty() ? "missing" : source_,
                "known chat formats: chatml, llama3");
  }

 private:
  // Llama 3.1 and later open every conversation with two dates. Today's is the one that the
  // template falls back on: an answer must not depend on the day.
  static std::optional<std::string> date_preface(const detail::ChatTemplate& source) {
    constexpr std::string_view kCut = "Cutting Knowledge Date: ";
    const auto cut = source.after(kCut, "\\n");
    const auto today = source.set_literal("date_string");
    if (!cut || !today) return std::nullopt;
    return std::string(kCut) + *cut + "\nToday Date: " + *today + "\n\n";
  }

  std::string_view content_of(const ChatMessage& message) const noexcept {
    return trims_ ? detail::trimmed(message.content) : std::string_view(message.content);
  }

  static void write(std::string_view text, std::vector<TextSegment>& out) { out.push_back({std::string(text), true}); }
  static void quote(std::string_view text, std::vector<TextSegment>& out) { out.push_back({std::string(text), false}); }

  static void chatml_turn(std::string_view role, std::string_view content, std::vector<TextSegment>& out) {
    write(detail::kImStart, out);
    quote(std::string(role) + "\n", out);
    quote(content, out);
    write(std::string(detail::kImEnd) + "\n", out);
  }

  void render_chatml(std::span<const ChatMessage> messages, bool begin_answer, std::vector<TextSegment>& out) const {
    const bool system_missing = !messages.empty() && messages.front().role != "system";
    if (system_missing && default_system_) chatml_turn("system", *default_system_, out);
    for (const ChatMessage& message : messages) chatml_turn(message.role, content_of(message), out);
    if (begin_answer) write("<|im_start|>assistant\n", out);
  }

  static void llama3_turn(std::string_view role, std::string_view content, std::vector<TextSegment>& out) {
    write(detail::kStartHeader, out);
    quote(role, out);
    write(detail::kEndHeader, out);
    write("\n\n", out);
    quote(content, out);
    write(detail::kEotId, out);
  }

  void render_llama3(std::span<const ChatMessage> messages, bool begin_answer, std::vector<TextSegment>& out) const {
    if (preface_ && !messages.empty()) {
      const bool has_system = messages.front().role == "system";
      const std::string_view system = has_system ? content_of(messages.front()) : std::string_view();
      llama3_turn("system", *preface_ + std::string(system), out);
      if (has_system) messages = messages.subspan(1);
    }
    for (const ChatMessage& message : messages) llama3_turn(message.role, content_of(message), out);
    if (begin_answer) write("<|start_header_id|>assistant<|end_header_id|>\n\n", out);
  }

  std::string file_;
  std::string source_;
  Kind kind_ = Kind::kNone;
  bool trims_ = false;
  std::string bos_;
  std::optional<std::string> default_system_;
  std::optional<std::string> preface_;
};

}  // namespace edgek

#endif  // EDGEK_MODEL_CHAT_FORMAT_HPP_

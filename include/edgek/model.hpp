#ifndef EDGEK_MODEL_HPP_
#define EDGEK_MODEL_HPP_

/// edgek.hpp and the decoder on top of it: GGUF files, tokenizers, chat formats, weights, KV cache, sampling.
/// Reports what is wrong with a file or a request by throwing edgek::Error. Needs PCRE2.

#include "edgek/model/require_exceptions.hpp"

#include "edgek/edgek.hpp"

#include "edgek/model/chat_format.hpp"
#include "edgek/model/chat_template.hpp"
#include "edgek/model/config.hpp"
#include "edgek/model/decode_order.hpp"
#include "edgek/model/decoder.hpp"
#include "edgek/model/error.hpp"
#include "edgek/model/generator.hpp"
#include "edgek/model/gguf.hpp"
#include "edgek/model/gguf_types.hpp"
#include "edgek/model/gguf_writer.hpp"
#include "edgek/model/kv_cache.hpp"
#include "edgek/model/model.hpp"
#include "edgek/model/perplexity.hpp"
#include "edgek/model/quantize.hpp"
#include "edgek/model/sampler.hpp"
#include "edgek/model/text_stream.hpp"
#include "edgek/model/tokenizer.hpp"
#include "edgek/model/weights.hpp"

#endif  // EDGEK_MODEL_HPP_

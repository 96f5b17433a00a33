#ifndef EDGEK_CORE_STATUS_HPP_
#define EDGEK_CORE_STATUS_HPP_

namespace edgek {

/// What an op answers after its O(1) check of shapes and formats. Anything but kOk means that
/// nothing was computed and no output was written.
enum class [[nodiscard]] Status : int {
  kOk = 0,
  kShapeMismatch,       ///< rows, cols, tokens or strides of the operands do not fit together
  kUnsupportedFormat,   ///< no kernel for this format (or a number outside enum Format)
  kRowNotWholeBlocks,   ///< cols is not a multiple of the format's weights per block
  kNullData,            ///< a null pointer where a non-empty operand is needed
  kOutOfMemory,         ///< scratch could not grow
};

/// One sentence without a full stop, for logs.
constexpr const char* to_string(Status s) noexcept {
  switch (s) {
    case Status::kOk: return "ok";
    case Status::kShapeMismatch: return "shapes of the operands do not fit together";
    case Status::kUnsupportedFormat: return "no kernel for this weight format";
    case Status::kRowNotWholeBlocks: return "row length is not a multiple of the format's block";
    case Status::kNullData: return "an operand is a null pointer";
    case Status::kOutOfMemory: return "scratch memory could not grow";
  }
  return "unknown status";
}

}  // namespace edgek

#endif  // EDGEK_CORE_STATUS_HPP_

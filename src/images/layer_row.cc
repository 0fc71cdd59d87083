#include "images/layer_row.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/status_macros.h"
#include "images/digest.h"
#include "store/database.h"

namespace crisp {
namespace {

constexpr absl::string_view kAnyBase = "any:";

}  // namespace

std::string AnyBaseId(absl::string_view diff_id) {
  return absl::StrCat(kAnyBase, diff_id);
}

bool IsLayerId(absl::string_view id) {
  return IsDigest(absl::StripPrefix(id, kAnyBase));
}

absl::StatusOr<std::vector<LayerRow>> LoadLayerRows(Database* database) {
  std::vector<LayerRow> rows;
  RETURN_IF_ERROR(database->Query(
      "SELECT chain_id, name, diff_id, compressed_size, bytes, inodes FROM layers", [&](const Row& row) {
        rows.push_back({row.Text(0), row.Text(1), row.Text(2), static_cast<uint64_t>(row.Int(3)),
                        static_cast<uint64_t>(row.Int(4)), static_cast<uint64_t>(row.Int(5))});
      }));
  return rows;
}

absl::Status InsertLayerRow(Database::Transaction& transaction, const LayerRow& row) {
  return transaction.Run(
      "INSERT INTO layers (chain_id, name, diff_id, compressed_size, bytes, inodes) VALUES (?, ?, ?, ?, ?, ?)",
      row.chain_id, row.name, row.diff_id, static_cast<int64_t>(row.compressed_size), static_cast<int64_t>(row.bytes),
      static_cast<int64_t>(row.inodes));
}

std::string LayerName(uint64_t number) {
  std::string name;
  do {
    name.insert(name.begin(), "0123456789abcdefghijklmnopqrstuvwxyz"[number % 36]);
    number /= 36;
  } while (number > 0);
  return name;
}

std::optional<uint64_t> ParseLayerName(absl::string_view name) {
  constexpr size_t kLongestName = 12;  // 36^12 is below 2^64
  if (name.empty() || name.size() > kLongestName) return std::nullopt;
  uint64_t number = 0;
  for (const char c : name) {
    if (c >= '0' && c <= '9') {
      number = number * 36 + static_cast<uint64_t>(c - '0');
    } else if (c >= 'a' && c <= 'z') {
      number = number * 36 + static_cast<uint64_t>(c - 'a') + 10;
    } else {
      return std::nullopt;
    }
  }
  return number;
}

}  // namespace crisp

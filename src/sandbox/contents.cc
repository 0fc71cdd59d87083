#include "sandbox/contents.h"

#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"

namespace crisp {

std::string ContentsOf(const google::protobuf::MessageLite& message) {
  std::string contents;
  google::protobuf::io::StringOutputStream stream(&contents);
  google::protobuf::io::CodedOutputStream coded(&stream);
  coded.SetSerializationDeterministic(true);
  message.SerializeToCodedStream(&coded);
  coded.Trim();
  return contents;
}

}  // namespace crisp

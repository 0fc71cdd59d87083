#include "stats/selector.h"

#include <gtest/gtest.h>

namespace crisp {
namespace {

using Labels = google::protobuf::Map<std::string, std::string>;

TEST(SelectorTest, SelectsWhatHasAllOfTheLabelsWithTheirValues) {
  Labels labels;
  labels["app"] = "web";
  labels["tier"] = "front";
  Labels selector;
  EXPECT_TRUE(HasLabels(labels, selector)) << "an empty selector selects everything";
  selector["app"] = "web";
  EXPECT_TRUE(HasLabels(labels, selector));
  selector["tier"] = "front";
  EXPECT_TRUE(HasLabels(labels, selector));
  selector["tier"] = "back";
  EXPECT_FALSE(HasLabels(labels, selector)) << "another value";
  selector["tier"] = "";
  EXPECT_FALSE(HasLabels(labels, selector)) << "an empty value is a value";
}

TEST(SelectorTest, ALabelThatIsMissingIsNotAnEmptyOne) {
  Labels selector;
  selector["app"] = "";
  EXPECT_FALSE(HasLabels(Labels(), selector));
}

}  // namespace
}  // namespace crisp

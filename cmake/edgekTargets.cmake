# edgek::edgek, edgek::compiled and edgek::model.

# The targets that edgek compiles, as config.hpp gives them to Highway. A file that includes Highway
# before edgek must have the same set, so consumers get it on the command line; config.hpp is the one home.
file(READ "${CMAKE_CURRENT_SOURCE_DIR}/include/edgek/config.hpp" edgek_config)
string(REGEX MATCH "#define HWY_DISABLED_TARGETS[ \\\n]+(\\([^)]*\\))" edgek_match "${edgek_config}")
string(REGEX REPLACE "[ \\\n]+" "" EDGEK_HIGHWAY_DISABLED_TARGETS "${CMAKE_MATCH_1}")
if(NOT EDGEK_HIGHWAY_DISABLED_TARGETS)
  message(FATAL_ERROR "edgek: include/edgek/config.hpp no longer defines HWY_DISABLED_TARGETS as cmake/edgekTargets.cmake expects")
endif()

add_library(edgek INTERFACE)
add_library(edgek::edgek ALIAS edgek)
target_compile_features(edgek INTERFACE cxx_std_20)
target_include_directories(edgek INTERFACE
  $<BUILD_INTERFACE:${CMAKE_CURRENT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
target_compile_definitions(edgek INTERFACE "HWY_DISABLED_TARGETS=${EDGEK_HIGHWAY_DISABLED_TARGETS}" HWY_WANT_AVX3_DL)
target_link_libraries(edgek INTERFACE $<BUILD_INTERFACE:edgek_highway> Threads::Threads)

# The same kernels compiled once; files that link this see declarations only.
add_library(edgek_compiled STATIC "${CMAKE_CURRENT_SOURCE_DIR}/cmake/edgek.cpp")
add_library(edgek::compiled ALIAS edgek_compiled)
set_target_properties(edgek_compiled PROPERTIES EXPORT_NAME compiled OUTPUT_NAME edgek
  POSITION_INDEPENDENT_CODE ON CXX_EXTENSIONS OFF)
target_link_libraries(edgek_compiled PUBLIC edgek)
target_compile_definitions(edgek_compiled INTERFACE EDGEK_DECLARE_ONLY)

if(EDGEK_MODEL)
  add_library(edgek_model INTERFACE)
  add_library(edgek::model ALIAS edgek_model)
  set_target_properties(edgek_model PROPERTIES EXPORT_NAME model)
  target_link_libraries(edgek_model INTERFACE edgek $<BUILD_INTERFACE:edgek_pcre2>)
endif()

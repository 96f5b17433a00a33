# What only a build of edgek itself wants; never seen by a project that adds edgek.
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Build type" FORCE)
endif()

find_program(EDGEK_CCACHE ccache)
mark_as_advanced(EDGEK_CCACHE)
if(EDGEK_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${EDGEK_CCACHE}")
  set_target_properties(edgek_compiled PROPERTIES CXX_COMPILER_LAUNCHER "${EDGEK_CCACHE}")
endif()

option(EDGEK_WERROR "Warnings in edgek's own files are errors" OFF)

add_library(edgek_warnings INTERFACE)
target_compile_options(edgek_warnings INTERFACE -Wall -Wextra -Wconversion -Wshadow $<$<BOOL:${EDGEK_WERROR}>:-Werror>)
# For the sanitizers: they optimize the kernels alone, and do not check that file's temporaries for use after scope,
# which more than doubles the time g++ takes for it.
set(EDGEK_KERNEL_OPTIONS "" CACHE STRING "Further options for the file that holds the kernels")
target_compile_options(edgek_compiled PRIVATE ${EDGEK_KERNEL_OPTIONS})
target_link_libraries(edgek_compiled PRIVATE $<BUILD_INTERFACE:edgek_warnings>)

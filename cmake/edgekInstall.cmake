# cmake --install: headers, libedgek.a, and the package that find_package(edgek) reads.
include(CMakePackageConfigHelpers)

set(edgek_package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/edgek")

target_link_libraries(edgek INTERFACE $<INSTALL_INTERFACE:edgek_highway>)
set(edgek_install_targets edgek edgek_compiled)
if(EDGEK_MODEL)
  target_link_libraries(edgek_model INTERFACE $<INSTALL_INTERFACE:edgek_pcre2>)
  list(APPEND edgek_install_targets edgek_model)
endif()

install(DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}/include/edgek" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
install(TARGETS ${edgek_install_targets} EXPORT edgekTargets
  ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}" INCLUDES DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
install(EXPORT edgekTargets NAMESPACE edgek:: DESTINATION "${edgek_package_dir}")

configure_package_config_file("${CMAKE_CURRENT_SOURCE_DIR}/cmake/edgekConfig.cmake.in"
  "${CMAKE_CURRENT_BINARY_DIR}/edgekConfig.cmake" INSTALL_DESTINATION "${edgek_package_dir}")
write_basic_package_version_file("${CMAKE_CURRENT_BINARY_DIR}/edgekConfigVersion.cmake"
  COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/edgekConfig.cmake" "${CMAKE_CURRENT_BINARY_DIR}/edgekConfigVersion.cmake"
  "${CMAKE_CURRENT_SOURCE_DIR}/cmake/edgekHighway.cmake" "${CMAKE_CURRENT_SOURCE_DIR}/cmake/edgekPcre2.cmake"
  DESTINATION "${edgek_package_dir}")

# For other projects: find_package(wasserkern REQUIRED), then target_link_libraries(app wasserkern::wasserkern).
include(CMakePackageConfigHelpers)
set(package ${CMAKE_INSTALL_LIBDIR}/cmake/wasserkern)

install(TARGETS wasserkern EXPORT wasserkern)
# What only one backend needs stays here, and so does engine/stream.h, whose classes depend on the build's options.
install(DIRECTORY kernels engine models losses data
  DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/wasserkern
  FILES_MATCHING PATTERN "*.h"
  REGEX "/kernels/(cpu|cuda)$" EXCLUDE
  REGEX "/engine/stream\\.h$" EXCLUDE)

# Dependencies are private: the list of targets is the whole package.
install(EXPORT wasserkern FILE wasserkern-config.cmake NAMESPACE wasserkern:: DESTINATION ${package})
write_basic_package_version_file(
  ${PROJECT_BINARY_DIR}/wasserkern-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/wasserkern-config-version.cmake DESTINATION ${package})

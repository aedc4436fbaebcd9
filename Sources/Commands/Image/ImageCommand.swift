import ArgumentParser

/// `slipway image`: images of registries and archives, made ready to be started.
struct ImageCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "image",
    abstract: "Fetches container images and keeps them ready to be started.",
    discussion: """
      An image is named as everywhere: ubuntu:24.04, quay.io/org/app:1.0, HOST:5000/app@sha256:…; \
      or it lies in a layout or an archive: oci:DIRECTORY[:TAG], oci-archive:FILE[:TAG], \
      docker-archive:FILE[:NAME]. Of an index the variant is taken that the processor can run \
      (amd64 v1 to v4, arm64 v8 to v9.4, …).

      Credentials are those of podman login and docker login, mirrors those of registries.conf.
      """,
    subcommands: [
      ImagePullCommand.self, ImageListCommand.self, ImageShowCommand.self,
      ImageResolveCommand.self, ImageTagCommand.self, ImageRemoveCommand.self,
      ImageImportCommand.self, ImageExportCommand.self,
    ])
}

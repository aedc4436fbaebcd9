import Digests
import Hashing
import Images
import Store
import Transfer

/// An image of a registry, or of its mirrors.
final class RegistryOrigin: ImageOrigin {
  private let reference: ImageReference
  private let transfer: Transfer
  /// In the order in which they are asked; the one that answered first comes to the front.
  private var clients: [RegistryClient]

  init(_ reference: ImageReference, clients: [RegistryClient], transfer: Transfer) {
    self.reference = reference
    self.clients = clients
    self.transfer = transfer
  }

  func top(for platform: Platform) throws(ImageError) -> Announced {
    let name = reference.digest.map(\.description) ?? reference.tag ?? "latest"
    let response = try fromFirst { client throws(ImageError) in
      let response = try client.manifest(name)
      // What the registry itself says that it has sent.
      let said = response["Docker-Content-Digest"].flatMap { Digest($0) } ?? self.reference.digest
      for digest in [said, self.reference.digest].compactMap(\.self)
      where Digest(of: response.body, digest.algorithm) != digest {
        throw ImageError(
          .badData, "manifest \(name) of \(client.endpoint.registry)",
          cause: "its bytes do not have the digest \(digest)",
          remedy: "nothing was kept of it: try again, or another mirror")
      }
      return response
    }
    return Announced(
      bytes: response.body, mediaType: response["Content-Type"].map(MediaType.withoutParameters),
      digest: reference.digest, name: reference.description)
  }

  func manifest(_ descriptor: Descriptor) throws(ImageError) -> [UInt8] {
    return try fromFirst { client throws(ImageError) in
      let response = try client.manifest(descriptor.digest.description)
      guard Digest(of: response.body, descriptor.digest.algorithm) == descriptor.digest else {
        throw ImageError(
          .badData, "manifest \(descriptor.digest) of \(client.endpoint.registry)",
          cause: "its bytes have another digest",
          remedy: "nothing was kept of it: try again, or another mirror")
      }
      if let type = response["Content-Type"].map(MediaType.withoutParameters),
        type != descriptor.mediaType
      {
        throw ImageError(
          .badData, "manifest \(descriptor.digest) of \(client.endpoint.registry)",
          cause: "it comes as \(ImageError.shown(type)) and is listed as \(descriptor.mediaType)",
          remedy: "build or push the image anew")
      }
      return response
    }.body
  }

  /// The answer of the first place that has one; the error of the last names the others too.
  private func fromFirst(
    _ ask: (RegistryClient) throws(ImageError) -> HTTPResponse
  ) throws(ImageError) -> HTTPResponse {
    var failures: [ImageError] = []
    for (place, client) in clients.enumerated() {
      do throws(ImageError) {
        let response = try ask(client)
        // Those that failed are not asked for every layer again before it.
        clients = Array(clients[place...] + clients[..<place])
        return response
      } catch {
        failures.append(error)
      }
    }
    guard var error = failures.popLast() else {
      throw ImageError(
        .unavailable, "image \(reference)", cause: "there is no place to fetch it from",
        remedy: "correct registries.conf")
    }
    for earlier in failures {
      error.cause += "; before that, \(earlier.what): \(ImageError.shown(earlier.cause))"
    }
    throw error
  }

  func fetch(
    _ blobs: [(Descriptor, BlobWriter)], progress: (TransferProgress) -> Void
  ) throws(ImageError) {
    var downloads: [Download] = []
    for (blob, writer) in blobs {
      // The first has answered already; a mirror that does not is no loss.
      let others = clients.dropFirst().compactMap { client in try? client.source(of: blob) }
      var sources: [Download.Source] = []
      if let first = clients.first { sources.append(try first.source(of: blob)) }
      downloads.append(
        Download("\(blob.digest)", size: blob.size, sources: sources + others, sink: writer))
    }
    do throws(TransferError) {
      try transfer.download(downloads, progress: progress)
    } catch {
      throw ImageError(error)
    }
  }
}

// tessera_log is a small log made of Tessera and nothing else, which publishes a checkpoint only when its witnesses
// have cosigned it: Tessera's own programs for a file system offer no flag for that.
//
//	tessera_log -storage_dir DIR -private_key FILE -witness_policy FILE -listen 127.0.0.1:PORT
//
// POST /add takes an entry and answers its index once it is in a published checkpoint; everything else is a file.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	stdlog "log"
	"net/http"
	"os"
	"time"

	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/storage/posix"
	"golang.org/x/mod/sumdb/note"
)

func main() {
	storage := flag.String("storage_dir", "", "where the log is kept")
	key := flag.String("private_key", "", "file of the log's key")
	policy := flag.String("witness_policy", "", "file that names the witnesses and their quorum")
	listen := flag.String("listen", "127.0.0.1:0", "address and port")
	flag.Parse()
	if err := serve(*storage, *key, *policy, *listen); err != nil {
		stdlog.Fatal(err)
	}
}

func serve(storage, keyFile, policyFile, listen string) error {
	ctx := context.Background()
	keyText, err := os.ReadFile(keyFile)
	if err != nil {
		return err
	}
	signer, err := note.NewSigner(string(keyText))
	if err != nil {
		return err
	}
	policy, err := os.ReadFile(policyFile)
	if err != nil {
		return err
	}
	witnesses, err := tessera.NewWitnessGroupFromPolicy(policy)
	if err != nil {
		return err
	}
	driver, err := posix.New(ctx, posix.Config{Path: storage})
	if err != nil {
		return err
	}
	options := tessera.NewAppendOptions().
		WithCheckpointSigner(signer).
		WithCheckpointInterval(200 * time.Millisecond).
		WithBatching(64, 50*time.Millisecond).
		WithWitnesses(witnesses, &tessera.WitnessOptions{Timeout: 5 * time.Second})
	appender, _, reader, err := tessera.NewAppender(ctx, driver, options)
	if err != nil {
		return err
	}
	awaiter := tessera.NewPublicationAwaiter(ctx, reader.ReadCheckpoint, 50*time.Millisecond)
	http.HandleFunc("POST /add", func(answer http.ResponseWriter, request *http.Request) {
		entry, err := io.ReadAll(http.MaxBytesReader(answer, request.Body, 65_535))
		if err != nil {
			http.Error(answer, err.Error(), http.StatusBadRequest)
			return
		}
		index, _, err := awaiter.Await(request.Context(), appender.Add(request.Context(), tessera.NewEntry(entry)))
		if err != nil {
			http.Error(answer, err.Error(), http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintf(answer, "%d", index.Index)
	})
	http.Handle("GET /", http.FileServer(http.Dir(storage)))
	return http.ListenAndServe(listen, nil)
}

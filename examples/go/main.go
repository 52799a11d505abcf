// Uploads articles with the generated stubs, acknowledged one by one, and shows what they mention.
// Run again it goes on where the upload stands: nothing counts twice.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	newstally "newstally.example/upload/gen/newstally/v1"
)

const (
	uploadID    = "example-go"
	publication = "The Go Example"
)

var articles = []*newstally.Article{
	{Publication: publication, Content: "Angela Merkel met NATO in Berlin."},
	{Publication: publication, Content: "Berlin welcomed Angela Merkel."},
	{Publication: publication, Content: ""}, // refused, and ends nothing
}

// passes tells what goes away by itself: the gateway restarts, has no room, or a connection breaks.
func passes(err error) bool {
	switch status.Code(err) {
	case codes.Unavailable, codes.Aborted, codes.Internal, codes.Unknown:
		return true
	}
	return false
}

// send sends the articles from offset first on, and returns when the gateway has ended the stream.
func send(ctx context.Context, gateway newstally.GatewayServiceClient, first int64) error {
	stream, err := gateway.StreamArticles(ctx)
	if err != nil {
		return err
	}
	go func() {
		// An error of Send is told by Recv, with its status.
		for offset := first; offset < int64(len(articles)); offset++ {
			request := &newstally.StreamArticlesRequest{
				UploadId: uploadID, Offset: &offset, Article: articles[offset],
			}
			if stream.Send(request) != nil {
				return
			}
		}
		_ = stream.CloseSend()
	}()
	for {
		response, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if refusal := response.GetRefusal(); refusal != nil {
			log.Printf("article %d is refused: %s", refusal.Offset, refusal.Message)
		}
	}
}

// settle returns the upload when all articles are settled.
func settle(ctx context.Context, connection grpc.ClientConnInterface) (*newstally.Upload, error) {
	gateway := newstally.NewGatewayServiceClient(connection)
	uploads := newstally.NewUploadServiceClient(connection)
	_, err := uploads.CreateUpload(ctx, &newstally.CreateUploadRequest{UploadId: uploadID})
	if err != nil {
		return nil, err
	}
	for {
		// After any failure the gateway is asked how the upload stands: only the journal knows.
		answer, err := uploads.GetUpload(ctx, &newstally.GetUploadRequest{UploadId: uploadID})
		if err != nil {
			return nil, err
		}
		if answer.Upload.NextOffset == int64(len(articles)) {
			return answer.Upload, nil
		}
		if err := send(ctx, gateway, answer.Upload.NextOffset); err != nil {
			if !passes(err) {
				return nil, err
			}
			time.Sleep(time.Second)
		}
	}
}

func run(target string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	connection, err := grpc.NewClient(target, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer connection.Close()
	upload, err := settle(ctx, connection)
	if err != nil {
		return err
	}
	fmt.Printf("%d counted, %d refused\n", upload.Counted, upload.Refused)

	uploads := newstally.NewUploadServiceClient(connection)
	for upload.AppliedOffset < upload.NextOffset {
		time.Sleep(200 * time.Millisecond)
		answer, err := uploads.GetUpload(ctx, &newstally.GetUploadRequest{UploadId: uploadID})
		if err != nil {
			return err
		}
		upload = answer.Upload
	}
	tallies := newstally.NewTallyServiceClient(connection)
	page, err := tallies.ListEntityTallies(ctx, &newstally.ListEntityTalliesRequest{
		Publication: publication, PageSize: 10,
	})
	if err != nil {
		return err
	}
	for _, tally := range page.EntityTallies {
		name := tally.Name
		if name == "" {
			name = tally.Text
		}
		fmt.Printf("%s (%s): %d\n", name, tally.Label, tally.Mentions)
	}
	return nil
}

func main() {
	target := "127.0.0.1:50051"
	if len(os.Args) > 1 {
		target = os.Args[1]
	}
	if err := run(target); err != nil {
		log.Fatal(err)
	}
}

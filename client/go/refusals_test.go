package pixelzoo_test

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang/protobuf/ptypes"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"pixelzoo"
	v1 "pixelzoo/v1"
)

// refusing is a catalogue that refuses its first calls; GetModel does not answer before the test is over.
type refusing struct {
	v1.UnimplementedCatalogServiceServer
	refusals int32
	with     error
	calls    int32
	over     chan struct{}
}

func (r *refusing) ListModels(context.Context, *v1.ListModelsRequest) (*v1.ListModelsResponse, error) {
	if atomic.AddInt32(&r.calls, 1) <= r.refusals {
		return nil, r.with
	}
	return &v1.ListModelsResponse{}, nil
}

func (r *refusing) GetModel(context.Context, *v1.GetModelRequest) (*v1.GetModelResponse, error) {
	<-r.over
	return &v1.GetModelResponse{}, nil
}

// clientOf serves the catalogue, and makes a client of it.
func clientOf(t *testing.T, catalog *refusing) *pixelzoo.Client {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	server := grpc.NewServer()
	v1.RegisterCatalogServiceServer(server, catalog)
	go server.Serve(listener)
	catalog.over = make(chan struct{})
	t.Cleanup(func() {
		close(catalog.over)
		server.Stop()
	})
	client, err := pixelzoo.Dial(listener.Addr().String())
	check(t, err)
	t.Cleanup(func() { client.Close() })
	return client
}

// With gRPC before 1.40 these need GRPC_GO_RETRY=on, as the Makefile says.
func TestAServerThatIsNotAvailableIsAskedAgain(t *testing.T) {
	catalog := &refusing{refusals: 2, with: status.Error(codes.Unavailable, "not now")}
	_, err := clientOf(t, catalog).Models(enough(t))
	check(t, err)
	if catalog.calls != 3 {
		t.Errorf("%d calls", catalog.calls)
	}
}

func TestButNotForEver(t *testing.T) {
	catalog := &refusing{refusals: 100, with: status.Error(codes.Unavailable, "not now")}
	_, err := clientOf(t, catalog).Models(enough(t))
	if refused(t, err, codes.Unavailable, ""); catalog.calls != 4 {
		t.Errorf("%d calls", catalog.calls)
	}
}

func TestOtherRefusalsAreFinal(t *testing.T) {
	catalog := &refusing{refusals: 1, with: status.Error(codes.Internal, "a mistake")}
	_, err := clientOf(t, catalog).Models(enough(t))
	if refused(t, err, codes.Internal, ""); catalog.calls != 1 {
		t.Errorf("%d calls", catalog.calls)
	}
}

func TestAFullQueueSaysWhenToComeBack(t *testing.T) {
	full, err := status.New(codes.ResourceExhausted, "come back later").WithDetails(
		&errdetails.ErrorInfo{Reason: "QUEUE_FULL", Domain: "pixelzoo"},
		&errdetails.RetryInfo{RetryDelay: ptypes.DurationProto(1500 * time.Millisecond)},
	)
	check(t, err)
	_, err = clientOf(t, &refusing{refusals: 1, with: full.Err()}).Models(enough(t))
	if refusal := refused(t, err, codes.ResourceExhausted, "QUEUE_FULL"); refusal.RetryDelay != 1500*time.Millisecond {
		t.Errorf("retry after %v", refusal.RetryDelay)
	}
}

func TestADeadlinePassesThoughTheServerSaysNothing(t *testing.T) {
	client := clientOf(t, &refusing{})
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	_, err := client.Catalog.GetModel(ctx, &v1.GetModelRequest{})
	if err = pixelzoo.FromStatus(err); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the error is %v", err)
	}
}

package pixelzoo_test

import (
	"context"
	"errors"
	"net"
	"regexp"
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

// refusing is a catalogue that refuses its first calls; GetModel does not answer before the test is over, unless there
// is a model to describe.
type refusing struct {
	v1.UnimplementedCatalogServiceServer
	refusals int32
	with     error
	calls    int32
	over     chan struct{}
	model    *v1.Model
	asked    chan struct{} // Closed, if it is there, when GetModel is called.
	refused  chan struct{} // Told, if it is there, of each refusal.
}

func (r *refusing) ListModels(context.Context, *v1.ListModelsRequest) (*v1.ListModelsResponse, error) {
	if atomic.AddInt32(&r.calls, 1) <= r.refusals {
		if r.refused != nil {
			r.refused <- struct{}{}
		}
		return nil, r.with
	}
	return &v1.ListModelsResponse{}, nil
}

func (r *refusing) GetModel(context.Context, *v1.GetModelRequest) (*v1.GetModelResponse, error) {
	if atomic.AddInt32(&r.calls, 1); r.model != nil {
		return &v1.GetModelResponse{Model: r.model}, nil
	}
	if r.asked != nil {
		close(r.asked)
	}
	<-r.over
	return &v1.GetModelResponse{}, nil
}

// breaking refuses its first streams, and breaks off the others after one event.
type breaking struct {
	v1.UnimplementedSamplingServiceServer
	refusals int32
	calls    int32
	seed     uint64
	over     chan struct{} // If it is there, a stream is broken off when it is closed.
	sample   error
}

func (b *breaking) Sample(context.Context, *v1.SampleRequest) (*v1.SampleResponse, error) {
	return &v1.SampleResponse{}, b.sample
}

func (b *breaking) StreamSample(
	request *v1.StreamSampleRequest, stream v1.SamplingService_StreamSampleServer,
) error {
	b.seed = request.Sample.GetSeed()
	if atomic.AddInt32(&b.calls, 1) > b.refusals {
		progress := &v1.StreamSampleResponse_Progress{Progress: &v1.Progress{Steps: 1}}
		if err := stream.Send(&v1.StreamSampleResponse{Event: progress}); err != nil {
			return err
		}
		if b.over != nil {
			<-b.over
		}
	}
	return status.Error(codes.Unavailable, "going away")
}

// clientOf serves the catalogue, and perhaps more, and makes a client of it.
func clientOf(t *testing.T, catalog *refusing, sampling ...*breaking) *pixelzoo.Client {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	server := grpc.NewServer()
	v1.RegisterCatalogServiceServer(server, catalog)
	for _, service := range sampling {
		v1.RegisterSamplingServiceServer(server, service)
	}
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
	if refused(t, err, codes.Unavailable, "SERVER_UNREACHABLE"); catalog.calls != 4 {
		t.Errorf("%d calls", catalog.calls)
	}
}

func TestCallsThatFailAllAtOnceAreAllSentAgain(t *testing.T) {
	catalog := &refusing{refusals: 40, with: status.Error(codes.Unavailable, "not now")}
	client, ended := clientOf(t, catalog), make(chan error)
	for i := 0; i < 40; i++ {
		go func() {
			_, err := client.Models(enough(t))
			ended <- err
		}()
	}
	for i := 0; i < 40; i++ {
		check(t, <-ended)
	}
	if catalog.calls != 80 {
		t.Errorf("%d calls", catalog.calls)
	}
}

func TestAServerThatIsGoneForGoodIsNotFlooded(t *testing.T) {
	catalog := &refusing{refusals: 2000, with: status.Error(codes.Unavailable, "not now")}
	client, ended := clientOf(t, catalog), make(chan error)
	for i := 0; i < 400; i++ {
		go func() {
			_, err := client.Models(enough(t))
			ended <- err
		}()
	}
	for i := 0; i < 400; i++ {
		refused(t, <-ended, codes.Unavailable, "SERVER_UNREACHABLE")
	}
	if catalog.calls >= 1000 {
		t.Errorf("%d calls, as if there were tokens left", catalog.calls)
	}
}

func TestAStreamIsAskedForAgainUntilSomethingOfItHasArrived(t *testing.T) {
	sampling := &breaking{refusals: 2}
	client := clientOf(t, &refusing{}, sampling)
	stream := client.StreamSample(enough(t), "any", &pixelzoo.SampleOptions{Seed: pixelzoo.Seed(7)})
	defer stream.Close()
	events := 0
	for stream.Next() {
		events++
	}
	refused(t, stream.Err(), codes.Unavailable, "SERVER_UNREACHABLE")
	if events != 1 || sampling.calls != 3 || sampling.seed != 7 {
		t.Errorf("%d events from %d calls with seed %d", events, sampling.calls, sampling.seed)
	}
}

func TestADeadlineEndsTheWaitForAnotherAttempt(t *testing.T) {
	client := clientOf(t, &refusing{refusals: 100, with: status.Error(codes.Unavailable, "not now")})
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	_, err := client.Models(ctx)
	if refused(t, err, codes.DeadlineExceeded, "DEADLINE_EXCEEDED"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the error is %v", err)
	}
}

func TestOtherRefusalsAreFinal(t *testing.T) {
	catalog := &refusing{refusals: 1, with: status.Error(codes.Internal, "a mistake")}
	_, err := clientOf(t, catalog).Models(enough(t))
	if refused(t, err, codes.Internal, "INTERNAL"); catalog.calls != 1 {
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
	refusal := refused(t, pixelzoo.FromStatus(err), codes.DeadlineExceeded, "DEADLINE_EXCEEDED")
	said := regexp.MustCompile(`^the call to 127\.0\.0\.1:\d+ took longer than its timeout$`)
	if !errors.Is(refusal, context.DeadlineExceeded) || !said.MatchString(refusal.Message) {
		t.Errorf("the error is %v", refusal)
	}
}

func TestCloseEndsTheCallsUnderWay(t *testing.T) {
	const message = "the client is closed: make a new one, and close it after its last call"
	catalog, sampling := &refusing{asked: make(chan struct{})}, &breaking{over: make(chan struct{})}
	defer close(sampling.over)
	client, ended := clientOf(t, catalog, sampling), make(chan error)
	stream := client.StreamSample(enough(t), "any", nil)
	if !stream.Next() {
		t.Fatal(stream.Err())
	}
	go func() {
		_, err := client.Catalog.GetModel(enough(t), &v1.GetModelRequest{})
		ended <- pixelzoo.FromStatus(err)
	}()
	<-catalog.asked
	check(t, client.Close())
	check(t, client.Close())
	if stream.Next() {
		t.Error("there is another event")
	}
	_, late := client.Models(enough(t))
	for _, err := range []error{<-ended, stream.Err(), late, client.StreamSample(enough(t), "any", nil).Err()} {
		if refusal := refused(t, err, codes.Canceled, "CLIENT_CLOSED"); refusal.Message != message {
			t.Errorf("the error is %v", err)
		}
	}
}

func TestCloseEndsTheWaitForAnotherAttempt(t *testing.T) {
	told := make(chan struct{}, 100)
	catalog := &refusing{refusals: 100, with: status.Error(codes.Unavailable, "not now"), refused: told}
	client, ended := clientOf(t, catalog), make(chan error)
	go func() {
		_, err := client.Models(enough(t))
		ended <- err
	}()
	<-told
	check(t, client.Close())
	refused(t, <-ended, codes.Canceled, "CLIENT_CLOSED")
}
